"""Training samples as they are drawn, for people to look at, and what classes they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Image, Item, Mask
from segexp.data.sampling.footprint import Corners, footprint
from segexp.data.sampling.samples import CROP_STREAM, RandomCrops


@dataclass(frozen=True)
class Drawn:
    """One sample.

    Attributes:
        item: Its image.
        image: uint8 or uint16 (h, w, C) after all changes.
        mask: uint8 (h, w).
        corners: Where it was cut.
    """

    item: Item
    image: Image
    mask: Mask
    corners: Corners


def draw_sample(crops: RandomCrops, epoch: int, index: int) -> Drawn:
    """Sample ``index`` of an epoch, byte for byte as training gets it."""
    sample = crops[epoch, index]
    rng = np.random.default_rng((crops.seed, epoch if crops.redraw else 0, index, CROP_STREAM))
    item, place = crops.places.draw(index, rng)
    corners = footprint(crops.augment, item, crops.size, rng, place)
    return Drawn(item, sample["image"], sample["target"], corners)


def spread_indices(count: int, wanted: int) -> list[int]:
    """Numbers of samples spread over an epoch: each from another image where there are so many."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(wanted, count)).round())]


def class_pixels(crops: RandomCrops, epoch: int, indices: Sequence[int]) -> NDArray[np.int64]:
    """Pixels of each mask value of samples, int64 (N, 256)."""
    counts = [np.bincount(crops[epoch, index]["target"].ravel(), minlength=256) for index in indices]
    return np.stack(counts).astype(np.int64)
