"""Training samples as they are drawn, for people to look at, and what classes they hold."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Image, Item, Mask
from segexp.data.sampling.footprint import Corners, footprint
from segexp.data.sampling.samples import RandomCrops


@dataclass(frozen=True)
class Drawn:
    """One sample.

    Attributes:
        item: Its image.
        image: uint8 or uint16 (h, w, C) after all changes.
        mask: uint8 (h, w); of a target that is no mask what counts, see :meth:`Item.class_window`.
        corners: Where it was cut.
    """

    item: Item
    image: Image
    mask: Mask
    corners: Corners


def draw_sample(crops: RandomCrops, epoch: int, index: int) -> Drawn:
    """Sample ``index`` of an epoch, byte for byte as training gets it."""
    sample = crops[epoch, index]
    rng = crops.generator(epoch, index)
    item, place = crops.places.draw(index, rng)
    corners = footprint(crops.augment, item, crops.size, rng, place)
    mask = item.form.class_window(sample["target"], 0, 0, *sample["image"].shape[:2])
    return Drawn(item, sample["image"], mask, corners)


def spread_indices(count: int, wanted: int) -> list[int]:
    """Numbers of samples spread over an epoch: each from another image where there are so many."""
    return [int(index) for index in np.unique(np.linspace(0, count - 1, min(wanted, count)).round())]


def class_pixels(crops: RandomCrops, epoch: int, indices: Sequence[int]) -> NDArray[np.int64]:
    """Pixels of each mask value of samples, int64 (N, 256 or more); where an image is of one class, 1 for that."""
    form = crops.places.draw(0, np.random.default_rng(0))[0].form
    if form.classes_of is None:
        return np.zeros((len(indices), 256), np.int64)
    labels = [crops[epoch, index]["target"].ravel() for index in indices]
    length = max(256, *(int(each.max()) + 1 for each in labels))
    return np.stack([np.bincount(each, minlength=length) for each in labels]).astype(np.int64)
