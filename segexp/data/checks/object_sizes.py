"""Sizes of images and of the objects in their masks, from headers and from a few masks."""

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Item, Mask
from segexp.errors import UserError
from segexp.trained_sizes import ObjectSizes, TrainedSizes

MOST_IMAGES = 32
MOST_PIXELS = 1 << 26
"""Pixels of the images whose masks are decoded, which some formats do whole."""
WINDOW = 1024
"""Side of the part, from the middle of an image, that is looked at."""


def measure_sizes(items: Sequence[Item], classes: Sequence[str]) -> TrainedSizes:
    """Measures the longer sides of all images, and the objects of a few: at most 32 images and 67 million pixels.

    Of a large image the middle 1024x1024 pixels are looked at; components that they cut count as they are.

    Args:
        items: Training images; at least one.
        classes: Names of the classes of their masks; empty where the targets are no masks.
    """
    sides = np.array([max(item.shape) for item in items], dtype=np.float64)
    low, median, high = (float(value) for value in np.percentile(sides, (5, 50, 95)))
    looked_at = _spread(items) if classes else []
    masks = [mask for mask in map(_middle, looked_at) if mask is not None]
    found = [_objects(name, number, masks) for number, name in enumerate(classes) if number]
    objects = tuple(each for each in found if each is not None)
    return TrainedSizes(len(items), (low, median, high), len(masks), objects)


def _spread(items: Sequence[Item]) -> list[Item]:
    """Some of the images, evenly spread; fewer where each is large."""
    largest = max(math.prod(item.shape) for item in items)
    count = min(len(items), MOST_IMAGES, max(1, MOST_PIXELS // largest))
    return [items[int(place)] for place in np.linspace(0, len(items) - 1, count).round()]


def _middle(item: Item) -> Mask | None:
    """The middle of a mask; None: it cannot be read, which is told where it is used."""
    height, width = (min(side, WINDOW) for side in item.shape)
    try:
        return item.class_window((item.shape[0] - height) // 2, (item.shape[1] - width) // 2, height, width)
    except UserError:
        return None


def _objects(name: str, number: int, masks: Sequence[Mask]) -> ObjectSizes | None:
    """Sizes of the objects of a class in all masks together; None: there are none."""
    areas: list[NDArray[np.int64]] = []
    distance, pixels = 0.0, 0
    for mask in masks:
        own = (mask == number).astype(np.uint8)
        if not own.any():
            continue
        _, _, table, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        areas.append(table[1:, cv2.CC_STAT_AREA].astype(np.int64))
        # The border of the image is no border of an object.
        distance += float(cv2.distanceTransform(own, cv2.DIST_L2, cv2.DIST_MASK_PRECISE).sum(dtype=np.float64))
        pixels += int(own.sum())
    if not pixels:
        return None
    sorted_areas = np.sort(np.concatenate(areas))
    middle = int(np.searchsorted(np.cumsum(sorted_areas), pixels / 2))
    # Distances are to the centre of the nearest pixel outside, half a pixel beyond the border.
    width = 4 * (distance / pixels - 0.5)
    return ObjectSizes(name, len(sorted_areas), round(math.sqrt(sorted_areas[middle]), 2), round(width, 2))
