import copy

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.models.projection import Projection, guard_projections
from segexp.tasks.speed import Speed
from tests.tasks.test_segmentation import module

LAST = torch.channels_last


def gradients(layer: nn.Conv2d, image: Tensor, upstream: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Output and gradients of the weights and of the image."""
    image = image.clone().requires_grad_()
    output = layer(image)
    weights, pixels = torch.autograd.grad(output, (layer.weight, image), upstream)
    return output, weights, pixels


@pytest.mark.parametrize("stride", [2, 3, (1, 2)])
@pytest.mark.parametrize("channels", [1, 2, 4, 7, 8, 12, 15, 16, 24])
def test_it_is_the_strided_convolution(channels: int, stride: int | tuple[int, int]) -> None:
    """In channels-last order, in which oneDNN alone writes beyond its memory when there are fewer than 16."""
    torch.manual_seed(channels)
    layer = Projection(channels, 8, kernel_size=1, stride=stride).to(memory_format=LAST)  # type: ignore[call-overload]
    image = torch.randn(12, channels, 33, 18).contiguous(memory_format=LAST)
    exact = nn.Conv2d(channels, 8, kernel_size=1, stride=stride, dtype=torch.float64)
    exact.load_state_dict(layer.state_dict())
    upstream = torch.randn(exact(image.double()).shape)
    for found, expected in zip(
        gradients(layer, image, upstream), gradients(exact, image.double(), upstream.double()), strict=True
    ):
        torch.testing.assert_close(found, expected.float(), rtol=1e-4, atol=1e-4)


def test_without_a_gradient_it_is_the_layer_of_torch() -> None:
    layer, image = Projection(4, 8, kernel_size=1, stride=2), torch.randn(2, 4, 9, 9)
    with torch.no_grad():
        assert torch.equal(layer(image), F.conv2d(image, layer.weight, layer.bias, stride=2))


class Foreign(nn.Module):
    """A network of somebody who does not know of it."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.shortcut = nn.Conv2d(4, 8, 1, stride=2)
        self.padded = nn.Conv2d(8, 8, 1, stride=2, padding=1)
        self.same = nn.Conv2d(8, 8, 1)
        self.depthwise = nn.Conv2d(8, 8, 1, stride=2, groups=8)
        self.head = nn.Conv2d(8, 1, 1)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of the size of the image."""
        features = self.depthwise(self.same(self.padded(self.shortcut(self.stem(image)))))
        return F.interpolate(self.head(features), image.shape[-2:])


def test_the_layer_of_a_model_from_elsewhere_becomes_one() -> None:
    model = Foreign()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    guard_projections(model)
    assert [name for name, layer in model.named_modules() if isinstance(layer, Projection)] == ["shortcut"]
    assert list(model.state_dict()) == list(weights)
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


def test_a_task_trains_such_a_model_channels_last() -> None:
    """Without the layer, oneDNN ends or hangs the process here, with one thread at the latest."""
    torch.manual_seed(0)
    model = Foreign()
    twin = copy.deepcopy(model)
    task = module(model=model, speed=Speed(channels_last=True))
    image = torch.randn(12, 3, 32, 32).contiguous(memory_format=LAST)
    for _ in range(5):
        task.model.zero_grad()
        task.model(image).square().sum().backward()
    twin(image.contiguous()).square().sum().backward()
    torch.testing.assert_close(model.shortcut.weight.grad, twin.shortcut.weight.grad, rtol=1e-4, atol=1e-4)
