"""Encoders and DeepLab-V3 give torchvision's outputs to the last bit on the same weights."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

pytest.importorskip("segmentation_models_pytorch", reason="the zoo's packages are not installed: make zoo")

import torchvision.models as theirs

from segexp.models.auxiliary import Supervised
from segexp.models.deeplab import DeepLabV3
from segexp.models.dense import to_fully_convolutional
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.resnet import ResNet
from segexp.models.encoders.vgg import Vgg16
from segexp.models.fcn import Fcn

SIZES = [(64, 96), (75, 47)]
FORMATS = [torch.contiguous_format, torch.channels_last]
RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101"]


def randomised(model: nn.Module) -> nn.Module:
    """Biases and statistics as after training: at their initial 0 and 1 they would hide mistakes."""
    generator = torch.Generator().manual_seed(0)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d):
            assert layer.running_mean is not None
            assert layer.running_var is not None
            layer.running_mean.normal_(std=0.1, generator=generator)
            layer.running_var.uniform_(0.5, 1.5, generator=generator)
            nn.init.uniform_(layer.weight, 0.5, 1.5, generator=generator)
            nn.init.normal_(layer.bias, std=0.1, generator=generator)
    return model.eval()


def images(layout: torch.memory_format) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(2, 3, *size, generator=generator).contiguous(memory_format=layout) for size in SIZES]


def saved(model: nn.Module, folder: Path) -> str:
    torch.save(model.state_dict(), folder / "weights.pth")
    return str(folder / "weights.pth")


@pytest.mark.parametrize("name", ["vgg16", "vgg16_bn"])
def test_vgg(name: str, tmp_path: Path) -> None:
    reference = getattr(theirs, name)(init_weights=False)
    reference.classifier = nn.Linear(1, 1)  # 123 million weights that the encoder leaves out
    randomised(reference)
    own = Vgg16(3, norm="batch" if name == "vgg16_bn" else "none").eval()
    head = load_pretrained(own, name, saved(reference, tmp_path), base=64)
    assert head.keys() == {"classifier.weight", "classifier.bias"}
    with torch.no_grad():
        for layout in FORMATS:
            reference, own = (model.to(memory_format=layout) for model in (reference, own))
            for batch in images(layout):
                assert torch.equal(own(batch)[-1], reference.features(batch))


@pytest.mark.parametrize("name", RESNETS)
@pytest.mark.parametrize("stride", [8, 16, 32])
def test_resnet(name: str, stride: Any, tmp_path: Path) -> None:
    dilate = [False, stride == 8, stride <= 16]
    if stride < 32 and name in ("resnet18", "resnet34"):
        pytest.skip("torchvision dilates bottleneck blocks only")
    reference = randomised(getattr(theirs, name)(replace_stride_with_dilation=dilate))
    own = ResNet(3, name, output_stride=stride).eval()  # type: ignore[arg-type]
    load_pretrained(own, name, saved(reference, tmp_path), base=64)
    layers = ["relu", "layer1", "layer2", "layer3", "layer4"]
    with torch.no_grad():
        for layout in FORMATS:
            reference, own = (model.to(memory_format=layout) for model in (reference, own))
            for batch in images(layout):
                features = reference.relu(reference.bn1(reference.conv1(batch)))
                maps = own(batch)
                assert torch.equal(maps[0], features)
                features = reference.maxpool(features)
                for found, layer in zip(maps[1:], layers[1:], strict=True):
                    features = getattr(reference, layer)(features)
                    assert torch.equal(found, features), layer


@pytest.mark.parametrize("name", ["resnet50", "resnet101"])
def test_deeplab(name: str, tmp_path: Path) -> None:
    build = getattr(theirs.segmentation, f"deeplabv3_{name}")
    reference = randomised(build(weights=None, weights_backbone=None, num_classes=3, aux_loss=True))
    own = DeepLabV3(3, 3, encoder=name, auxiliary_weight=0.4).eval()  # type: ignore[arg-type]
    assert sum(p.numel() for p in own.parameters()) == sum(p.numel() for p in reference.parameters())
    own.load_state_dict(reference.state_dict())
    with torch.no_grad():
        for layout in FORMATS:
            reference, own = (model.to(memory_format=layout) for model in (reference, own))
            for batch in images(layout):
                assert torch.equal(own(batch), reference(batch)["out"])
    for model in (reference, own):
        for layer in model.modules():
            if isinstance(layer, nn.Dropout):
                layer.p = 0.0  # the same values would need the same draws
    batch = images(torch.channels_last)[0]
    trained, wanted = own.train()(batch), reference.train()(batch)
    assert isinstance(trained, Supervised)
    assert torch.equal(trained.logits, wanted["out"])
    assert torch.equal(trained.auxiliary[0], wanted["aux"])


def test_deeplab_takes_an_imagenet_file(tmp_path: Path) -> None:
    reference = randomised(theirs.resnet50())
    own = DeepLabV3(3, 1, encoder="resnet50", pretrained=saved(reference, tmp_path))
    loaded = own.backbone.state_dict()
    assert all(torch.equal(loaded[k], value) for k, value in reference.state_dict().items() if not k.startswith("fc."))


def test_fcn_takes_the_whole_of_vgg16(tmp_path: Path) -> None:
    """The file's two large layers, as convolutions, at the centre of 224x224, where fc6 sees no padding."""
    reference = theirs.vgg16(init_weights=False).eval()
    own = Fcn(3, 1, stride=32, pretrained=saved(reference, tmp_path)).eval()
    batch = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        features = own.encoder(batch)[-1]
        assert torch.equal(features, reference.features(batch))
        wanted = reference.classifier[:5](features.flatten(1))
        found = own.fc7(own.fc6(features)[..., 3:4, 3:4].relu()).relu()[..., 0, 0]
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


def test_alexnet_becomes_fully_convolutional() -> None:
    classifier = theirs.alexnet(num_classes=5).eval()
    dense = to_fully_convolutional(classifier, (224, 224))
    batch = torch.randn(1, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.testing.assert_close(dense(batch)[..., 0, 0], classifier(batch), rtol=1e-4, atol=1e-6)
        assert dense(torch.zeros(1, 3, 288, 256)).shape == (1, 5, 3, 2)
