"""ResNet classifiers: torchvision's sizes and keys, published files, feature maps and the last layer."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from segexp.models.classifier import is_classifier
from segexp.models.encoders.resnet import ResNet
from segexp.models.resnet import ResNetClassifier
from segexp.models.sizes import InputSizeError
from segexp.models.unet import UNet
from tests.models.test_encoders import count, with_statistics


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


def small(**keys: Any) -> ResNetClassifier:
    torch.manual_seed(0)
    model = ResNetClassifier(3, 5, base=4, **keys)
    with_statistics(model)
    return model.eval()


@pytest.mark.parametrize(
    ("name", "total", "maps"),
    [("resnet18", 11_689_512, 512), ("resnet34", 21_797_672, 512), ("resnet50", 25_557_032, 2048)],
)
def test_has_the_published_size_and_keys(name: Any, total: int, maps: int) -> None:
    with torch.device("meta"):
        model, encoder = ResNetClassifier(3, 1000, encoder=name), ResNet(3, name)
    assert count(model) == total
    assert list(model.state_dict()) == [*encoder.state_dict(), "fc.weight", "fc.bias"]
    assert model.head.weight.shape == (1000, maps)


@pytest.mark.parametrize("stride", [8, 16, 32])
def test_logits_are_the_last_layer_on_the_mean_of_the_feature_maps(stride: Any) -> None:
    model, batch = small(output_stride=stride), image(2, 3, 64, 96)
    maps = model.features(batch)
    assert maps.shape == (2, 32, 64 // stride, 96 // stride)
    assert bool((maps >= 0).all())
    by_place = torch.einsum("kf,bfhw->bkhw", model.head.weight, maps)
    torch.testing.assert_close(model(batch), by_place.mean((-2, -1)) + model.head.bias)


def test_a_finer_map_has_the_values_of_the_coarse_one_between_others() -> None:
    coarse, fine = small(), small(output_stride=8)
    fine.load_state_dict(coarse.state_dict())
    batch = image(1, 3, 96, 128)
    torch.testing.assert_close(fine.features(batch)[..., ::4, ::4], coarse.features(batch))


def test_a_published_file_gives_all_weights_where_the_classes_are_as_many(tmp_path: Path) -> None:
    torch.manual_seed(1)
    published = ResNetClassifier(3, 7)
    torch.save(published.state_dict(), tmp_path / "resnet18.pth")
    seven, two = (ResNetClassifier(3, classes, pretrained=str(tmp_path / "resnet18.pth")) for classes in (7, 2))
    assert all(torch.equal(value, published.state_dict()[key]) for key, value in seven.state_dict().items())
    assert torch.equal(two.layer4[1].conv2.weight, published.layer4[1].conv2.weight)
    assert two.head.weight.shape == (2, 512)


def test_a_frozen_one_trains_the_last_layer_alone() -> None:
    model = small(freeze_encoder=True).train()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    trained = [key for key, parameter in model.named_parameters() if parameter.requires_grad]
    assert trained == ["fc.weight", "fc.bias"]
    optimizer = torch.optim.SGD([model.head.weight, model.head.bias], lr=0.1)
    model(image(2, 3, 32, 32)).square().sum().backward()
    optimizer.step()
    changed = {key for key, value in model.state_dict().items() if not torch.equal(value, before[key])}
    assert changed == {"fc.weight", "fc.bias"}


def test_refuses_images_below_its_stride() -> None:
    with pytest.raises(InputSizeError, match="ResNet was given 31x64: use at least 32x32 pixels"):
        small()(image(1, 3, 31, 64))


def test_models_are_told_apart_by_what_their_outputs_are_of() -> None:
    assert is_classifier(ResNetClassifier)
    assert is_classifier(small())
    assert not is_classifier(UNet)
