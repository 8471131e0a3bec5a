"""Logits of a raster from top to bottom: no more than a band of windows is in memory, however large it is."""

from collections.abc import Iterator

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.image_statistics import DARK
from segexp.inference.model import Model
from segexp.models.sizes import InputSizeError
from segexp.rasters import Raster
from segexp.rasters.resampling import ResampledRaster
from segexp.windows.plan import WindowPlan
from segexp.windows.resampling import resample_bands
from segexp.windows.sliding import stitched


@torch.inference_mode()
def logit_bands(model: Model, raster: Raster) -> Iterator[Tensor]:
    """The next rows as soon as no later window touches them.

    Args:
        model: Says at which size the image is seen, whether whole or in windows, and in which views.
        raster: An image that fits it.

    Yields:
        float32 (1, K, n, W); in all, H rows.
    """
    height, width = model.shape_seen(raster)
    if (height, width) == (raster.height, raster.width):
        yield from _bands_as_it_is(model, raster)
        return
    module = model.module
    spatial = map(module.spatial, _bands_as_it_is(model, ResampledRaster(raster, height, width)))
    try:
        for rows in resample_bands(spatial, height, raster.height, raster.width):
            yield module.from_spatial(rows)
    except InputSizeError as error:
        raise InputSizeError(f"{error}; seen at {width}x{height} the image is too small, use a larger scale") from error


def _bands_as_it_is(model: Model, raster: Raster) -> Iterator[Tensor]:
    module, settings = model.module, model.module.inference
    window = settings.window_for(raster.height, raster.width)
    if window is None:
        yield module.evaluated_natively(model.tensor(raster.read()))
        return
    stats = raster_statistics(raster).to(model.device) if module.scale.per_image else None
    plan = WindowPlan(raster.height, raster.width, window, settings.overlap, settings.blend)
    together = settings.windows_in_a_pass(model.device.type)
    yield from stitched(module.views(stats), lambda part: model.tensor(raster.window(*part)), plan, together)


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
