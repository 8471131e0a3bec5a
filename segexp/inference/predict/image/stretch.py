"""Rows of an image as a person can look at them, all in the same light."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.inference.predict.image.source import ImageSource
from segexp.report.pictures.displayed import PERCENTILES


class Stretch:
    """8-bit RGB of any depth and number of bands, as :mod:`segexp.report.pictures.displayed` shows whole images.

    Grey and RGB of 8 bits are shown as they are. Of others the percentiles of all pixels with data are taken, in one
    pass over the file, so that strips of one image fit each other.
    """

    def __init__(self, source: ImageSource) -> None:
        raster = source.raster
        self.bands = 3 if raster.channels >= 3 else 1
        as_it_is = raster.dtype == np.uint8 and raster.channels in (1, 3)
        self.tables = None if as_it_is else _tables(source, self.bands)

    def __call__(self, pixels: NDArray[Any]) -> NDArray[np.uint8]:
        """RGB (n, W, 3) of pixels (n, W, C)."""
        shown = pixels[..., : self.bands]
        if self.tables is not None:
            shown = np.stack([table[shown[..., band]] for band, table in enumerate(self.tables)], axis=2)
        return np.ascontiguousarray(np.broadcast_to(shown, (*shown.shape[:2], 3)), dtype=np.uint8)


def _tables(source: ImageSource, bands: int) -> list[NDArray[np.uint8]]:
    """What every number of each band is shown as."""
    size = int(np.iinfo(source.raster.dtype).max) + 1
    counts = np.zeros((bands, size), np.int64)
    for top in range(0, source.height, 512):
        rows = min(512, source.height - top)
        pixels, missing = source.rows(top, rows), source.missing(top, rows)
        known = pixels.reshape(-1, pixels.shape[2]) if missing is None else pixels[~missing]
        for band in range(bands):
            counts[band] += np.bincount(known[:, band], minlength=size)
    return [_table(count) for count in counts]


def _table(counts: NDArray[np.int64]) -> NDArray[np.uint8]:
    below = np.cumsum(counts)
    low, high = (int(np.searchsorted(below, below[-1] * share / 100)) for share in PERCENTILES)
    levels = (np.arange(len(counts)) - low) / max(high - low, 1)
    return np.rint(np.clip(levels, 0, 1) * 255).astype(np.uint8)
