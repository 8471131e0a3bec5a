"""Trivial predictors that every result is read against: one class everywhere, and Otsu's threshold."""

import itertools
from collections.abc import Callable, Sequence

import numpy as np
import torch
from skimage.filters import threshold_multiotsu
from torch import Tensor

from segexp.data.items import Item, Mask
from segexp.metrics.counts import confusion
from segexp.metrics.measures import dataset_scores
from segexp.spec import IGNORED, DataSpec

Predictor = Callable[[Item], Mask]


def count(items: Sequence[Item], predict: Predictor, classes: int) -> Tensor:
    """Confusion counts int64 (N, C, C) of a predictor over images."""
    return torch.cat(
        [confusion(torch.from_numpy(predict(item))[None], torch.from_numpy(item.mask)[None], classes) for item in items]
    )


def constant(number: int) -> Predictor:
    """One class everywhere."""
    return lambda item: np.full_like(item.mask, number)


def most_frequent_class(items: Sequence[Item], classes: int) -> int:
    """The class with the most pixels in these (training) images."""
    totals = sum(np.bincount(item.mask.ravel(), minlength=256)[:classes] for item in items)
    return int(np.argmax(totals))


def fit_otsu(items: Sequence[Item], spec: DataSpec) -> tuple[Predictor, str]:
    """The best that a threshold on brightness can do, given every fair chance.

    Each image gets its own thresholds by Otsu's method (Otsu 1979; for more classes Liao et al. 2001) on one channel
    over the pixels that count. Which channel, and which class is how bright, is chosen by mean IoU on ``items``.

    Args:
        items: Validation images.
        spec: Classes.

    Returns:
        The predictor and what was chosen, in words.
    """
    orders = list(itertools.permutations(range(spec.num_classes)))
    best: tuple[float, int, tuple[int, ...]] = (-1.0, 0, orders[0])
    for channel in range(spec.in_channels):
        levels = [_levels(item, channel, spec.num_classes) for item in items]
        for order in orders:
            table = np.array(order, dtype=np.uint8)
            matrices = torch.cat(
                [
                    confusion(torch.from_numpy(table[level])[None], torch.from_numpy(item.mask)[None], len(order))
                    for level, item in zip(levels, items, strict=True)
                ]
            )
            miou = dataset_scores(matrices, spec.classes)["miou"] or 0.0
            best = max(best, (miou, channel, order))
    _, channel, order = best
    table = np.array(order, dtype=np.uint8)
    words = f"channel {channel}, dark to bright: {', '.join(spec.classes[number] for number in order)}"
    return (lambda item: table[_levels(item, channel, spec.num_classes)]), words


def _levels(item: Item, channel: int, classes: int) -> Mask:
    """Brightness level 0..classes-1 of every pixel, uint8 (H, W)."""
    grey = item.image[..., channel]
    counted = grey[item.mask != IGNORED]
    # Fewer grey values than classes cannot be split; such an image is all one level.
    if len(np.unique(counted)) < classes:
        return np.zeros_like(grey)
    return np.digitize(grey, threshold_multiotsu(counted, classes=classes), right=True).astype(np.uint8)
