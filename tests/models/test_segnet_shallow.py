"""SegNetShallow against the laboratory's figures."""

import pytest
import torch
from torch import nn

from segexp.models.segnet_shallow import SegNetShallow
from segexp.models.sizes import InputSizeError
from segexp.models.upsampling import scatter_unpool


def test_parameters() -> None:
    assert sum(parameter.numel() for parameter in SegNetShallow(3, 3).parameters()) == 3_523


def test_sizes_of_the_laboratory() -> None:
    model, shapes = SegNetShallow(3, 3), []
    for layer in (model.encoder, model.pool, model.unpool, model.decoder):
        layer.register_forward_hook(
            lambda _module, _inputs, output: shapes.append(
                tuple((output[0] if isinstance(output, tuple) else output).shape[1:])
            )
        )
    model(torch.zeros(1, 3, 224, 224))
    assert shapes == [(64, 224, 224), (64, 112, 112), (64, 224, 224), (3, 224, 224)]


def test_unpooling_keeps_the_maximum_of_each_window_in_its_place() -> None:
    model = SegNetShallow(1, 1, base=1)
    nn.init.dirac_(model.encoder.weight)
    nn.init.dirac_(model.decoder.weight)
    for conv in (model.encoder, model.decoder):
        assert conv.bias is not None
        nn.init.zeros_(conv.bias)
    image = torch.tensor([[1.0, 2, 9, 0, 5], [4, 3, 8, 7, 5], [6, 6, 6, 6, 6]])
    wanted = torch.tensor([[0.0, 0, 9, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]])
    assert torch.equal(model(image[None, None])[0, 0], wanted)


@pytest.mark.parametrize("size", [(8, 10), (9, 7)])
def test_deterministic_unpooling_equals_torch(size: tuple[int, int]) -> None:
    features = torch.randn(2, 3, *size)
    pooled, indices = nn.MaxPool2d(2, return_indices=True)(features)
    first, second = pooled.clone().requires_grad_(), pooled.clone().requires_grad_()
    weight = torch.randn(2, 3, *size)
    plain = nn.functional.max_unpool2d(first, indices, 2, output_size=size)
    scattered = scatter_unpool(second, indices, *size)
    (plain * weight).sum().backward()
    (scattered * weight).sum().backward()
    assert torch.equal(plain, scattered)
    assert first.grad is not None
    assert second.grad is not None
    assert torch.equal(first.grad, second.grad)


def test_one_pixel_is_refused() -> None:
    with pytest.raises(InputSizeError, match="5x1"):
        SegNetShallow(1, 1)(torch.zeros(1, 1, 5, 1))
