"""Soft skeletons: thinning by minima and maxima, through which a gradient flows."""

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

Offsets = tuple[tuple[int, int], ...]

_CROSS: Offsets = ((1, 1), (0, 1), (2, 1), (1, 0), (1, 2))
_ROWS: Offsets = ((1, 1), (0, 1), (2, 1))
_COLUMNS: Offsets = ((1, 1), (1, 0), (1, 2))
"""Neighbourhoods: places in a 3 x 3 window around the pixel, (1, 1) being the pixel itself."""


def soft_skeleton(image: Tensor, outside: Tensor, iterations: int) -> Tensor:
    """Centre lines of bright structures (Shit et al. 2021, algorithm 1).

    The image is eroded again and again, and what an opening would remove is added to the skeleton. Ignored pixels
    are as the world beyond the border: they neither erode nor fill.

    Args:
        image: float32 (B, C, H, W) of 0..1.
        outside: bool (B, 1, H, W), the ignored pixels.
        iterations: Erosions; at least the radius of the widest structure in pixels.

    Returns:
        float32 (B, C, H, W) of 0..1, 0 at ignored pixels.
    """
    eroded = _erode(image, outside)
    skeleton = torch.relu(image - _dilate(eroded, outside))
    for _ in range(iterations):
        image, eroded = eroded, _erode(eroded, outside)
        found = torch.relu(image - _dilate(eroded, outside))
        skeleton = skeleton + found * (1.0 - skeleton)
    return skeleton.masked_fill(outside, 0.0)


def _erode(image: Tensor, outside: Tensor) -> Tensor:
    """Minimum over a pixel and its four neighbours."""
    return _lowest(image.masked_fill(outside, 1.0), _CROSS, border=1.0)


def _dilate(image: Tensor, outside: Tensor) -> Tensor:
    """Maximum over a pixel and its eight neighbours: rows first, then columns."""
    negative = -image.masked_fill(outside, 0.0)
    return -_lowest(_lowest(negative, _ROWS, border=0.0), _COLUMNS, border=0.0)


def _lowest(image: Tensor, offsets: Offsets, border: float) -> Tensor:
    """Minimum over a neighbourhood, float32 (B, C, H, W)."""
    padded = F.pad(image, (1, 1, 1, 1), value=border)
    lowest: Tensor = _Lowest.apply(padded, offsets)  # type: ignore[no-untyped-call] # torch declares no types there
    return lowest


class _Lowest(torch.autograd.Function):
    """Minimum over shifted views; equal minima share the gradient.

    Pooling takes ten times as long forward on a CPU, gives the gradient to one of equal minima, and has no
    deterministic backward on CUDA. Plain torch.minimum of views takes twice as long backward.
    """

    @staticmethod
    def forward(ctx: Any, padded: Tensor, offsets: Offsets) -> Tensor:
        first, second, *rest = _views(padded, offsets)
        lowest = torch.minimum(first, second)
        for view in rest:
            torch.minimum(lowest, view, out=lowest)
        ctx.save_for_backward(padded, lowest)
        ctx.offsets = offsets
        return lowest

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None]:
        padded, lowest = ctx.saved_tensors
        among = [view == lowest for view in _views(padded, ctx.offsets)]
        share = gradients[0] / _count(among)
        result = torch.zeros_like(padded)
        for view, member in zip(_views(result, ctx.offsets), among, strict=True):
            view.add_(torch.where(member, share, 0.0))
        return result, None


def _views(padded: Tensor, offsets: Offsets) -> list[Tensor]:
    """Shifted views (B, C, H, W) of (B, C, H + 2, W + 2)."""
    height, width = padded.shape[-2] - 2, padded.shape[-1] - 2
    return [padded[..., row : row + height, column : column + width] for row, column in offsets]


def _count(among: list[Tensor]) -> Tensor:
    """In how many of the masks a pixel is, uint8."""
    count = among[0].to(torch.uint8)
    for member in among[1:]:
        count += member
    return count
