"""Objects of a mask made clean: hysteresis, holes filled, specks removed, touching objects parted."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import ConfigError
from segexp.spec import IGNORED, DataSpec

Classes = NDArray[np.uint8]
MOST_PIXELS = 1 << 26
"""Largest image whose objects are looked at: their numbers take four bytes a pixel, and all of it is in memory."""


@dataclass(frozen=True)
class Postprocess:
    """The ``postprocess`` section; what is None or 0 is not done. The steps are taken in this order.

    Attributes:
        hysteresis: Two classes: pixels of at least this probability count too where they touch, by others like
            them, one that reaches the threshold.
        fill_holes: Largest hole in pixels, wholly inside an object, that becomes part of it.
        min_size: Smallest object in pixels that stays; others become the first class.
        split: Touching objects are parted by a line of the first class, by watersheds of the distance to their border;
            the number is the least distance of two centres in pixels.
    """

    hysteresis: float | None = None
    fill_holes: int = 0
    min_size: int = 0
    split: int | None = None

    @property
    def is_on(self) -> bool:
        """Whether anything is done."""
        return bool(self.fill_holes or self.min_size or self.split) or self.hysteresis is not None

    def check(self, spec: DataSpec, threshold: float | None) -> None:
        """Compares with the model.

        Raises:
            ConfigError: Hysteresis for more than two classes, or above the threshold.
        """
        if self.hysteresis is None:
            return
        if threshold is None:
            raise ConfigError(f"postprocess.hysteresis: is for two classes, the model has {spec.num_classes}")
        if self.hysteresis >= threshold:
            raise ConfigError(
                f"postprocess.hysteresis: found {self.hysteresis:g}, must be below the threshold, {threshold:.3f}"
            )


def postprocess(
    classes: Classes, settings: Postprocess, num_classes: int, probability: NDArray[np.float32] | None = None
) -> Classes:
    """The mask after all steps that are on.

    Args:
        classes: uint8 (H, W), class numbers, and 255 where there is no data, which stays.
        settings: What is done.
        num_classes: Number of classes.
        probability: float32 (H, W) of the second of two classes; for hysteresis only.

    Returns:
        uint8 (H, W), a new array.
    """
    done = classes.copy()
    if settings.hysteresis is not None and probability is not None:
        done[_weak(classes, probability >= settings.hysteresis)] = 1
    for number in range(1, num_classes):
        if settings.fill_holes:
            done[_holes(done, number, settings.fill_holes)] = number
        if settings.min_size:
            done[_small(done == number, settings.min_size)] = 0
        if settings.split is not None:
            done[_borders(done == number, settings.split)] = 0
    return done


def _weak(classes: Classes, possible: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Possible pixels whose component holds a pixel of the second class."""
    possible = (possible & (classes != IGNORED)) | (classes == 1)
    _, labels = cv2.connectedComponents(possible.astype(np.uint8), connectivity=8)
    strong = np.zeros(int(labels.max()) + 1, bool)
    strong[labels[classes == 1]] = True
    strong[0] = False
    return np.asarray(strong[labels])


def _holes(classes: Classes, number: int, largest: int) -> NDArray[np.bool_]:
    """Components of the first class that nothing but ``number`` surrounds."""
    outside = (classes != number).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(outside, connectivity=4)
    height, width = classes.shape
    inside = (
        (stats[:, cv2.CC_STAT_LEFT] > 0)
        & (stats[:, cv2.CC_STAT_TOP] > 0)
        & (stats[:, cv2.CC_STAT_LEFT] + stats[:, cv2.CC_STAT_WIDTH] < width)
        & (stats[:, cv2.CC_STAT_TOP] + stats[:, cv2.CC_STAT_HEIGHT] < height)
    )
    chosen = inside & (stats[:, cv2.CC_STAT_AREA] <= largest)
    chosen[0] = False
    # What holds another class, or no data, is no hole.
    other = np.bincount(labels[(classes != 0) & (classes != number)], minlength=count)
    return np.asarray((chosen & (other == 0))[labels])


def _small(objects: NDArray[np.bool_], smallest: int) -> NDArray[np.bool_]:
    _, labels, stats, _ = cv2.connectedComponentsWithStats(objects.astype(np.uint8), connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < smallest
    small[0] = False
    return np.asarray(small[labels])


def _borders(objects: NDArray[np.bool_], distance: int) -> NDArray[np.bool_]:
    """Lines between touching objects (watersheds of the distance to the border, Meyer 1994)."""
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    binary = objects.astype(np.uint8)
    # The border of the image is one too: an object that it cuts has its centre where it is thickest.
    depth = cv2.distanceTransform(np.pad(binary, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    _, components = cv2.connectedComponents(binary, connectivity=8)
    centres = peak_local_max(depth, min_distance=distance, labels=components, exclude_border=False)
    markers = np.zeros(objects.shape, np.int32)
    markers[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    parts = watershed(-depth, markers, mask=objects, watershed_line=True)
    # An object so flat that it has no centre is left alone.
    return np.asarray(objects & (parts == 0) & np.isin(components, np.unique(components[tuple(centres.T)])))
