"""Trivial predictors that every result is read against: one class everywhere, and Otsu's threshold."""

import itertools
import math
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.filters import threshold_multiotsu
from torch import Tensor

from segexp.data.items.item import Item, Mask
from segexp.metrics.counts import confusion
from segexp.metrics.measures import dataset_scores
from segexp.spec import IGNORED, DataSpec

Predictor = Callable[[Item], Mask]
Grey = NDArray[Any]
"""uint8 or uint16 (H, W)."""

LARGE = 1 << 20
"""Of images with more pixels, every n-th row and column is looked at, so that about so many are left."""

BINS = 256
"""Most values that thresholds are chosen from: the time of Otsu's method for several classes is a power of it."""

MOST_CLASSES = 4
"""With more, Otsu's method takes seconds per image and channel."""

TAILS = (0.1, 99.9)
"""Percentiles of 16-bit values that the bins lie between; what is beyond counts in the outermost bin."""


def constant(number: int) -> Predictor:
    """One class everywhere."""
    return lambda item: np.full(item.shape, number, np.uint8)


def most_frequent_class(pixels: NDArray[np.int64]) -> int:
    """The class with the most pixels of all, given those per (training) image and class, int64 (N, C)."""
    return int(np.argmax(pixels.sum(axis=0)))


def fit_otsu(items: Iterable[Item], spec: DataSpec) -> tuple[Predictor, str]:
    """The best that a threshold on brightness can do, given every fair chance.

    Each image gets its own thresholds by Otsu's method (Otsu 1979; for more classes Liao et al. 2001) on one channel
    over the pixels that count. Which channel, and which class is how bright, is chosen by mean IoU on ``items``.
    Both are found on every n-th row and column of large images, see :data:`LARGE`.

    Args:
        items: Validation images, looked at one by one.
        spec: Classes.

    Returns:
        The predictor and what was chosen, in words.
    """
    names, shapes = spec.classes, set()
    found = []
    for item in items:
        image, mask = item.image, item.target
        shapes.add(mask.shape)
        found.append([_counted(image[..., channel], mask, len(names)) for channel in range(spec.in_channels)])
    counts = torch.stack([torch.stack(channels) for channels in found], dim=1)
    best: tuple[float, int, tuple[int, ...]] = (-1.0, 0, tuple(range(len(names))))
    for channel, matrices in enumerate(counts):
        for order in itertools.permutations(range(len(names))):
            # Column n of the sum is class n: the level that is given to it.
            miou = dataset_scores(matrices[:, :, np.argsort(order)], names)["miou"] or 0.0
            best = max(best, (miou, channel, order))
    _, channel, order = best
    words = f"channel {channel}, dark to bright: {', '.join(names[number] for number in order)}"
    if max(_step(shape) for shape in shapes) > 1:
        words += "; thresholds of large images from about a million of their pixels"
    return partial(_by_brightness, channel, np.array(order, dtype=np.uint8)), words


def _by_brightness(channel: int, order: Mask, item: Item) -> Mask:
    """The class of each pixel's level; ``order`` holds the classes from dark to bright."""
    grey, mask = item.image[..., channel], item.target
    return order[_levels(grey, _thresholds(_sample(grey), _sample(mask), len(order)))]


def _counted(grey: Grey, mask: Mask, classes: int) -> Tensor:
    """Pixels of each true class (rows) and level of brightness (columns), int64 (C, C)."""
    grey, mask = _sample(grey), _sample(mask)
    levels = _levels(grey, _thresholds(grey, mask, classes))
    return confusion(torch.from_numpy(levels)[None], torch.from_numpy(mask)[None], classes)[0]


def _step(shape: tuple[int, ...]) -> int:
    """Every how many rows and columns are looked at."""
    return max(1, math.ceil(math.sqrt(math.prod(shape) / LARGE)))


def _sample(array: Grey) -> Grey:
    """Every n-th row and column of a large image, (H, W)."""
    step = _step(array.shape)
    return np.ascontiguousarray(array[::step, ::step])


def _thresholds(grey: Grey, mask: Mask, classes: int) -> NDArray[np.int64]:
    """The largest value of each level but the brightest, (classes - 1,), or (0,) where one level is all there is."""
    values = grey[mask != IGNORED].astype(np.int64)
    if values.size == 0:
        return np.zeros(0, np.int64)
    low, high = int(values.min()), int(values.max())
    if high - low >= BINS:  # 16 bits: a few hot pixels must not stretch the bins over all others
        low, high = (int(value) for value in np.percentile(values, TAILS))
    width = (high - low) // BINS + 1
    counts = np.bincount((values.clip(low, high) - low) // width)
    # Fewer values than classes cannot be split; such an image is all one level.
    if np.count_nonzero(counts) < classes:
        return np.zeros(0, np.int64)
    highest = low + width * np.arange(1, len(counts) + 1) - 1
    found: NDArray[np.int64] = threshold_multiotsu(classes=classes, hist=(counts / counts.sum(), highest))
    return found


def _levels(grey: Grey, thresholds: NDArray[np.int64]) -> Mask:
    """Brightness level 0..classes-1 of every pixel, uint8 (H, W)."""
    values = np.arange(np.iinfo(grey.dtype).max + 1)
    levels: Mask = np.digitize(values, thresholds, right=True).astype(np.uint8)[grey]
    return levels
