"""Which numbers masks store: all that has to be known to choose how they are read."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.labels.label_values import count_values
from segexp.data.labels.mask_reading import MaskReader, Used, tone_reader
from segexp.rasters import Raster

SCANNED = 50
"""Masks of a form whose pixels are looked at, where its header leaves open how it is read."""
PIXELS = 100_000_000
"""Pixels looked at for that; the first mask is, however large."""


def count_used_values(rasters: Iterable[Raster]) -> Used:
    """Pixels of each value in the first few of some masks."""
    found: Counter[tuple[int, ...]] = Counter()
    pixels = 0
    for raster in list(rasters)[:SCANNED]:
        if pixels and pixels + raster.height * raster.width > PIXELS:
            break
        pixels += raster.height * raster.width
        table = count_values(raster)
        # RGB with equal channels everywhere comes as one number.
        repeat = raster.header.channels if table.shape[1] == 2 else 1
        for row in table.tolist():
            found[tuple(row[:-1]) * repeat] += row[-1]
    return found


def to_pixels(raster: Raster, used: Used) -> NDArray[Any]:
    """The values as pixels (1, n, C)."""
    return np.array([sorted(used)], dtype=raster.dtype)


def find_tone_reader(raster: Raster) -> MaskReader | None:
    """Reads a file of two tones as 0 and 255; None: it has others. All of it is looked at.

    Raises:
        DataError: The file is damaged.
    """
    return tone_reader(raster, count_used_values([raster]))
