"""Images at another size: each new pixel is a weighted mean of those it lies on, the same seen whole or in parts."""

import math
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segexp.rasters.base import Pixels, Raster
from segexp.rasters.views import RasterView

SPAN = 1024
"""Rows and columns that are turned into floats at a time, about."""

TO_WHOLE = 0.5 + 1e-6
"""Added to a float64 mean of pixels before it is rounded down: a half goes up, as in Pillow.

How a product of matrices rounds depends on their sizes and on the processor. The margin is far above that and far below
what tells two means apart, so that a pixel is the same in memory, in a file and in each of its windows.
"""


class AxisWeights(NamedTuple):
    """Weights by which positions of one axis are made of positions of another.

    Attributes:
        first: The first position that counts.
        weights: float64 (n, span), of ``first`` and those after it, for each of n new positions; rows add up to 1.
    """

    first: int
    weights: NDArray[np.float64]


def axis_weights(length: int, size: int, start: int = 0, count: int | None = None) -> AxisWeights:
    """Weights of linear interpolation, over as many pixels as a new one covers where the axis becomes shorter.

    The triangle is that of Pillow's BILINEAR and of ``interpolate(antialias=True)`` of PyTorch: as far on each side of
    the new pixel's centre as the larger of both pixels is wide. An axis that keeps its length keeps its values.

    Args:
        length: Positions of the axis.
        size: Positions that it is to have.
        start: First new position that is asked for.
        count: How many; None: all from ``start``.
    """
    count = size - start if count is None else count
    ratio = length / size
    reach = max(ratio, 1.0)
    centres = (np.arange(start, start + count) + 0.5) * ratio - 0.5
    first = max(0, math.floor(centres[0] - reach) + 1)
    last = min(length - 1, math.ceil(centres[-1] + reach) - 1)
    distance = np.abs(np.arange(first, last + 1) - centres[:, None])
    weights = np.maximum(1 - distance / reach, 0)
    return AxisWeights(first, weights / weights.sum(axis=1, keepdims=True))


def tile_side(ratio: float) -> int:
    """Side of the tiles in which an image is resampled, in new pixels, for so many old pixels to a new one."""
    return max(4, min(SPAN, round(SPAN / max(ratio, 1.0))))


class ResampledRaster(RasterView):
    """Raster at another size; a window reads no more of the file than it is made of."""

    def __init__(self, whole: Raster, height: int, width: int) -> None:
        """Reads no pixel.

        Args:
            whole: The raster that is shown, with pixels of 8 or 16 bits.
            height: Rows that it is to have.
            width: Columns that it is to have.
        """
        # The raster that is shown deals with palette and white.
        shown: dict[str, Any] = {"palette": None, "white": 255, "white_is_zero": False}
        size = None if whole.pixel_size is None else whole.pixel_size * whole.height / height
        super().__init__(whole, height=height, width=width, pixel_size=size, **shown)

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a window (h, w, C), tile by tile."""
        found = np.empty((height, width, self.channels), self.dtype)
        side = tile_side(max(self.whole.height / self.height, self.whole.width / self.width))
        for y in range(0, height, side):
            for x in range(0, width, side):
                rows, columns = min(side, height - y), min(side, width - x)
                found[y : y + rows, x : x + columns] = self._tile(top + y, left + x, rows, columns)
        return found

    def _tile(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        above, rows = axis_weights(self.whole.height, self.height, top, height)
        before, columns = axis_weights(self.whole.width, self.width, left, width)
        pixels = self.whole.window(above, before, rows.shape[1], columns.shape[1])
        values = rows @ pixels.transpose(2, 0, 1).astype(np.float64) @ columns.T
        rounded: NDArray[Any] = np.floor(values + TO_WHOLE).astype(self.dtype)
        return rounded.transpose(1, 2, 0)
