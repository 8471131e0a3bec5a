"""Receptive fields by hand, and against pixels that really spoil logits."""

import math
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.inspection.field import WHOLE, receptive_field, trace
from segexp.models.segnet_shallow import SegNetShallow
from segexp.models.sizes import same_size
from segexp.models.unet import UNet


def field(model: nn.Module) -> Any:
    return receptive_field(model.to("meta"), 1)


def unet(**keys: Any) -> UNet:
    with torch.device("meta"):
        return UNet(1, 1, **{"base": 2, **keys})


def test_by_hand() -> None:
    assert field(nn.Conv2d(1, 1, 3)) == (3, 3)
    assert field(nn.Conv2d(1, 1, (1, 5), padding=2, dilation=3)) == (1, 13)
    # 3, then 4 by pooling, then 2 steps of 2 pooled pixels of 2 pixels each.
    assert field(nn.Sequential(nn.Conv2d(1, 1, 3), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, dilation=2))) == (12, 12)
    # 5 taps on an upsampled map: 3 of its pixels, of 2 each.
    assert field(nn.Sequential(nn.AvgPool2d(2), nn.Upsample(scale_factor=2), nn.Conv2d(1, 1, 5))) == (6, 6)
    # A transposed convolution of 3 with stride 2 gives by turns one tap and two.
    assert field(nn.Sequential(nn.AvgPool2d(2), nn.ConvTranspose2d(1, 1, 3, stride=2, padding=1))) == (2, 4)


def test_unet_of_the_paper() -> None:
    """By hand: 140 pixels at the bottom, 16 apart; a logit sees 4 of them or 5, by its place among 16.

    188 is also the smallest input of the unpadded network, 4x4 logits that see all of it.
    """
    assert field(unet(depth=5)) == (140 + 3 * 16, 140 + 4 * 16) == (188, 204)
    assert field(unet(depth=5, padded=False)) == (188, 204)


def test_compact_networks() -> None:
    assert field(unet(depth=3)) == (32 + 3 * 4, 32 + 3 * 4)
    # Two convolutions of 3 around a cell of 2: 3 unpooled pixels are of 2 cells, each with a border of 1.
    assert field(SegNetShallow(1, 1, base=2)) == (6, 6)


@pytest.mark.parametrize("norm", ["group", "instance"])
def test_statistics_of_the_image_see_all_of_it(norm: str) -> None:
    assert field(unet(depth=2, norm=norm)) == WHOLE
    assert field(unet(depth=2, norm="batch")) == (18, 18)


class Gate(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image * image.mean((2, 3), keepdim=True)


class Turned(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return image.transpose(2, 3)


class Silent(nn.Module):
    def forward(self, image: Tensor) -> Tensor:
        return torch.zeros_like(image)


def test_global_pooling_and_what_is_not_understood() -> None:
    pooled = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(1, 1, 1), nn.Upsample((512, 512), mode="bilinear"))
    assert field(pooled) == WHOLE
    assert field(Gate()) == WHOLE
    assert field(Turned()) is None
    # Whatever else it does, it sees everything.
    assert field(nn.Sequential(Turned(), Gate())) == WHOLE
    assert field(Silent()) == (0, 0)


def rows_seen(model: nn.Module, size: tuple[int, int], axis: int) -> tuple[list[int], list[int]]:
    """First and last row of the image that each row of logits depends on: not-a-number put there comes out."""
    count = size[axis]
    low, high = [math.inf] * count, [-math.inf] * count
    for place in range(count):
        image = torch.zeros(1, 1, *size, dtype=torch.float64)
        image.select(2 + axis, place).fill_(torch.nan)
        with torch.no_grad():
            logits = same_size(model, image)
        assert isinstance(logits, Tensor)
        for row in logits.isnan().any(1).any(2 - axis)[0].nonzero().flatten().tolist():
            low[row], high[row] = min(low[row], place), max(high[row], place)
    return [int(value) for value in low], [int(value) for value in high]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"upsample": "nearest"},
        {"upsample": "bilinear"},
        {"upsample": "bicubic"},
        {"upsample": "bed_of_nails"},
        {"conv": "separable", "norm": "batch"},
        {"padded": False},
        {"padded": False, "upsample": "bilinear"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("size", "axis"), [((64, 28), 0), ((28, 66), 1)])
def test_agrees_with_pixels_that_spoil_logits(keys: dict[str, Any], size: tuple[int, int], axis: int) -> None:
    real = UNet(1, 1, base=1, depth=3, **keys).double().eval()
    low, high = rows_seen(real, size, axis)
    followed = trace(unet(base=1, depth=3, **keys).eval(), torch.empty(1, 1, *size, device="meta"), axis)
    # Near the border torch mixes in a neighbour with weight 0, which not-a-number reveals.
    inside = slice(4, size[axis] - 4)
    assert followed.low.tolist()[inside] == low[inside]
    assert followed.high.tolist()[inside] == high[inside]


def test_one_sided_padding() -> None:
    class Padded(nn.Module):
        def forward(self, image: Tensor) -> Tensor:
            return F.pad(image, (1, 2, 3, 4))[..., 2:, :]

    image = torch.empty(1, 1, 20, 20, device="meta")
    rows, columns = (trace(Padded(), image, axis) for axis in (0, 1))
    assert rows.low.tolist()[:4] == [1 << 40, 0, 1, 2]  # a row of padding, then the image
    assert columns.low.tolist()[:3] == [1 << 40, 0, 1]
    assert len(rows) == 25
    assert len(columns) == 23
