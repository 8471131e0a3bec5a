"""Logits of a raster from top to bottom: no more than a band of windows is in memory, however large it is."""

from collections.abc import Iterator

import torch
from torch import Tensor

from segexp.inference.model import Model
from segexp.inference.predict.statistics import raster_statistics
from segexp.rasters import Raster
from segexp.windows.plan import WindowPlan
from segexp.windows.sliding import stitched


@torch.inference_mode()
def logit_bands(model: Model, raster: Raster) -> Iterator[Tensor]:
    """The next rows as soon as no later window touches them.

    Args:
        model: Says whether the image is seen whole or in windows, and in which views.
        raster: An image that fits it.

    Yields:
        float32 (1, K, n, W); in all, H rows.
    """
    module, settings = model.module, model.module.inference
    window = settings.window_for(raster.height, raster.width)
    if window is None:
        yield module.evaluated(model.tensor(raster.read()))
        return
    stats = raster_statistics(raster).to(model.device) if module.scale.per_image else None
    plan = WindowPlan(raster.height, raster.width, window, settings.overlap, settings.blend)
    together = settings.windows_in_a_pass(model.device.type)
    yield from stitched(module.views(stats), lambda part: model.tensor(raster.window(*part)), plan, together)
