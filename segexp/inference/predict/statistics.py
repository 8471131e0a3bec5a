"""Mean and deviation of an image too large for the memory, as :mod:`segexp.scaling` takes them of one that is not."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.rasters import Raster
from segexp.scaling import DARK


def raster_statistics(raster: Raster) -> Tensor:
    """Mean and standard deviation per channel over all but the dark pixels; the file is read twice, in strips.

    Returns:
        float32 (1, 2, C), the mean first.
    """
    most = max(int(strip.max()) for strip in raster.strips())
    number = 0
    total, squares = np.zeros((2, raster.channels))
    for strip in raster.strips():
        counted = strip[np.asarray(strip.max(axis=2) >= np.float32(DARK) * np.float32(most))].astype(np.float64)
        number += len(counted)
        total += counted.sum(axis=0)
        squares += np.square(counted).sum(axis=0)
    # Whole numbers of at most 16 bits: their squares add up exactly in 64 bits far beyond any raster.
    mean: NDArray[np.float64] = total / number
    deviation = np.sqrt(np.maximum(squares / number - np.square(mean), 0)).clip(min=1.0)
    return torch.from_numpy(np.stack([mean, deviation]).astype(np.float32))[None]
