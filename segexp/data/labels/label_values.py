"""Which values stand in a mask file, and how often."""

from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.data.labels.mask_forms import pack_colours
from segexp.rasters import Raster


def count_values(raster: Raster) -> NDArray[np.int64]:
    """Counts the values of a mask, a strip of rows at a time.

    Args:
        raster: A mask, from ``open_raster(path, raw=True)``.

    Returns:
        (n, C + 1), sorted: the value of each channel, then the number of pixels. RGB with equal channels everywhere
        counts as one channel.

    Raises:
        DataError: The file is damaged.
    """
    found: Counter[tuple[int, ...]] = Counter()
    for strip in raster.strips():
        values, counts = _counted(strip)
        for value, count in zip(map(tuple, values.tolist()), counts.tolist(), strict=True):
            found[value] += count
    table = np.array([(*value, found[value]) for value in sorted(found)], dtype=np.int64)
    channels = table[:, :-1]
    if channels.shape[1] == 3 and (channels == channels[:, :1]).all():
        return table[:, 2:]
    return table


def _counted(pixels: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """Values (n, C) of pixels (h, w, C), and how often each is there.

    Masks are made of runs of equal pixels: only the first of each run is sorted.
    """
    if pixels.shape[2] == 3 and pixels.dtype == np.uint8:
        keys, counts = _counted(pack_colours(pixels)[..., None])
        return np.stack([keys[:, 0] >> shift & 255 for shift in (16, 8, 0)], axis=1), counts
    flat = pixels.reshape(-1, pixels.shape[2])
    starts = np.concatenate([[0], np.flatnonzero((flat[1:] != flat[:-1]).any(axis=1)) + 1])
    lengths = np.diff(np.append(starts, len(flat)))
    values, inverse = np.unique(flat[starts], axis=0, return_inverse=True)
    counts = np.zeros(len(values), dtype=np.int64)
    np.add.at(counts, inverse.ravel(), lengths)
    return values, counts
