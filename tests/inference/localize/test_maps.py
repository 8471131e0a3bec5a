import pytest
import torch
from torch import Tensor, nn

from segexp.inference.localize import maps
from segexp.models.resnet import ResNetClassifier


@pytest.fixture(scope="module")
def model() -> ResNetClassifier:
    torch.manual_seed(0)
    return ResNetClassifier(3, 2, base=4).eval()


def test_a_map_adds_up_to_the_logit(model: ResNetClassifier) -> None:
    """The mean of a map over all places, times the number of maps, is the logit without its bias (Zhou et al. 2016)."""
    features = model.features(torch.rand(2, 3, 70, 96))
    found = maps.weigh_maps(features, model.head.weight)
    assert found.shape == (2, 2, 3, 3)
    logits = model.head(features.mean((-2, -1))) - model.head.bias
    assert torch.allclose(found.mean((-2, -1)) * 32, logits, atol=1e-6)


def test_weights_by_hand() -> None:
    features = torch.tensor([[[[1.0, 0.0]], [[0.0, 2.0]]]])
    weights = torch.tensor([[3.0, 1.0], [1.0, 5.0], [2.0, 0.0]])
    assert maps.weigh_maps(features, weights)[0, 1, 0].tolist() == [0.5, 5.0]
    assert maps.contrast_weights(weights).tolist() == [[1.5, -1.5], [-1.5, 4.5], [0.0, -3.0]]


def test_what_all_classes_have_in_common_changes_no_contrast(model: ResNetClassifier) -> None:
    weights = model.head.weight.detach()
    common = maps.contrast_weights(weights + torch.rand(1, weights.shape[1]))
    assert torch.allclose(common, maps.contrast_weights(weights), atol=1e-6)


@pytest.mark.parametrize("inference", [False, True])
def test_grad_cam_of_the_last_maps_is_the_positive_part_of_the_plain_map(
    model: ResNetClassifier, inference: bool
) -> None:
    """Selvaraju et al. 2017, section 3.1."""
    with torch.inference_mode(inference):
        image = torch.rand(2, 3, 64, 96)
        plain = maps.weigh_maps(model.features(image), model.head.weight)
        found = maps.grad_cam(model, None, image)
    assert torch.allclose(found, plain.relu() * 32 / 6, atol=1e-6)


def test_grad_cam_of_an_earlier_layer_is_what_its_definition_says(model: ResNetClassifier) -> None:
    image = torch.rand(1, 3, 64, 64)
    found = maps.grad_cam(model, model.layer2, image)
    before = model.stage_maps(image)[2].detach().requires_grad_()
    logits = model.head(model.layer4(model.layer3(before.clone())).mean((-2, -1)))
    (gradient,) = torch.autograd.grad(logits[0, 1], before)
    expected = (before * gradient.mean((-2, -1), keepdim=True)).sum(1).relu()
    assert found.shape == (1, 2, 8, 8)
    assert torch.allclose(found[:, 1], expected, atol=1e-7)
    assert not model.layer2._forward_hooks


class Shifting(nn.Module):
    """Gives the brightness at every fourth pixel, as convolutions that stride and pad do."""

    def forward(self, image: Tensor) -> Tensor:
        return image[..., ::4, ::4]


@pytest.mark.parametrize("size", [(9, 13), (8, 16), (11, 11)])
def test_values_are_placed_where_they_were_taken(size: tuple[int, int]) -> None:
    image = torch.arange(size[0] * size[1], dtype=torch.float32).view(1, 1, *size)
    found = maps.place(Shifting()(image), 4, *size)
    assert found.shape == image.shape
    assert torch.equal(found[..., ::4, ::4], image[..., ::4, ::4])
    assert torch.allclose(found[..., :5, :5], image[..., :5, :5])  # a plane is linear between the values
    assert maps.stretch(Shifting()(image), *size).shape == image.shape


def test_the_mean_over_eight_views_has_no_side() -> None:
    """A map that stretches every fourth pixel leans to the top left; all views together do not."""
    image = torch.zeros(1, 1, 16, 24)
    image[..., 8:, :] = 1
    leaning = maps.mean_over_views(lambda seen: maps.stretch(Shifting()(seen), *seen.shape[-2:]), image)
    assert torch.allclose(leaning, 1 - leaning.flip(-2), atol=1e-6)
    assert torch.allclose(leaning, leaning.flip(-1), atol=1e-6)
