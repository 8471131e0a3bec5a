"""Costs against figures worked out by hand, and meta tensors against real ones."""

import pytest
import torch
from torch import nn

from segexp.inspection.cost import activation_bytes, cost, multiply_adds
from segexp.models.sizes import InputSizeError
from segexp.models.unet import UNet


def image(*shape: int, device: str = "meta") -> torch.Tensor:
    return torch.zeros(*shape, device=device)


def test_multiplications_of_the_course_example() -> None:
    """256 filters 5x5 on 12x12x3 give 8x8x256."""
    plain = nn.Conv2d(3, 256, 5, device="meta")
    separable = nn.Sequential(nn.Conv2d(3, 3, 5, groups=3), nn.Conv2d(3, 256, 1)).to("meta")
    assert multiply_adds(plain, image(1, 3, 12, 12)) == 256 * 3 * 5 * 5 * 8 * 8 == 1_228_800
    assert multiply_adds(separable, image(1, 3, 12, 12)) == (3 * 5 * 5 + 256 * 3) * 8 * 8 == 53_952


def test_transposed_convolution_counts_its_input_and_the_batch_counts() -> None:
    layer = nn.ConvTranspose2d(4, 2, 2, stride=2, device="meta")
    assert multiply_adds(layer, image(5, 4, 6, 7)) == 5 * 6 * 7 * 4 * 2 * 4


def test_multiply_adds_of_cunet_by_hand() -> None:
    pixels = 256 * 256
    first = 9 * (3 * 8 + 8 * 8 + 16 * 8 + 8 * 8) + 8
    second = 9 * (8 * 16 + 16 * 16 + 32 * 16 + 16 * 16) + 4 * 16 * 8
    bottom = 9 * (16 * 32 + 32 * 32) + 4 * 32 * 16
    with torch.device("meta"):
        model = UNet(3, 1, base=8, depth=3)
    assert multiply_adds(model, image(1, 3, 256, 256)) == pixels * first + pixels // 4 * second + pixels // 16 * bottom


def test_activations_of_cunet_by_hand() -> None:
    """Every map that a later layer needs for its gradient: 4 bytes a value, 8 for the index of a maximum."""
    pixels = 256 * 256
    first = 4 * (3 + 8 + 8 + 16 + 8 + 8)  # image, two convolutions, concatenation, two convolutions
    second = 4 * (8 + 16 + 16 + 32 + 16 + 16) + 8 * 8  # the same after a pooling, and its indices
    bottom = 4 * (16 + 32 + 32) + 8 * 16
    with torch.device("meta"):
        model = UNet(3, 1, base=8, depth=3)
    expected = pixels * first + pixels // 4 * second + pixels // 16 * bottom
    assert activation_bytes(model, image(1, 3, 256, 256)) == expected
    assert activation_bytes(model, image(2, 3, 256, 256)) == 2 * expected


def test_frozen_layers_keep_nothing() -> None:
    model = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 1, 1)).to("meta")
    assert activation_bytes(model, image(1, 3, 10, 10)) == 4 * 100 * (3 + 8)
    model[0].requires_grad_(False)
    assert activation_bytes(model, image(1, 3, 10, 10)) == 4 * 100 * 8
    figures = cost(model, image(1, 3, 10, 10))
    assert (figures.parameters, figures.trainable) == (3 * 8 * 9 + 8 + 8 + 1, 8 + 1)


@pytest.mark.parametrize("norm", ["none", "batch", "group"])
@pytest.mark.parametrize("upsample", ["transposed", "bilinear"])
def test_meta_tensors_tell_what_real_ones_do(norm: str, upsample: str) -> None:
    keys = {"base": 4, "depth": 3, "norm": norm, "upsample": upsample}
    real = UNet(3, 1, **keys)  # type: ignore[arg-type]
    with torch.device("meta"):
        meta = UNet(3, 1, **keys)  # type: ignore[arg-type]
    assert cost(real, image(2, 3, 40, 52, device="cpu")) == cost(meta, image(2, 3, 40, 52))


def test_too_small_a_size_is_refused() -> None:
    with torch.device("meta"):
        model = UNet(3, 1, base=4)
    with pytest.raises(InputSizeError, match="8x8"):
        cost(model, image(1, 3, 8, 8))
