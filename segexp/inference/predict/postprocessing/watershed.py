"""Touching objects parted: by watersheds of the distance to their border (Meyer 1994), each object by itself.

What becomes of an object depends on its own pixels alone, so those inside a band are parted there, and one that goes
over the border of a band in a window around it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import ConfigError
from segexp.inference.predict.postprocessing.components import BandedComponents, Mask
from segexp.inference.predict.postprocessing.spool import Spool

MOST_PIXELS = 1 << 26
"""Largest window around a single object: about forty bytes a pixel are needed to part it."""


def split_objects(spool: Spool, number: int, distance: int) -> None:
    """Sets lines between touching objects of a class to the first class.

    Args:
        spool: The mask.
        number: The class.
        distance: Least distance of two centres in pixels.

    Raises:
        ConfigError: A single object is too large.
    """
    components = BandedComponents(spool.height, 8)
    for top, rows in spool.bands():
        components.add(top, rows == number)
    components.join()
    _check(components)
    for top, rows in spool.bands():
        labels, _, goes_on = components.relabel(top, rows == number)
        rows[watershed_lines((labels > 0) & ~goes_on[labels], distance)] = 0
        spool.replace(top, rows)
    for index in range(len(components.joined.area)):
        _part(spool, components, index, number, distance)


def _check(components: BandedComponents) -> None:
    found = components.joined
    sizes = (found.bottom - found.top + 1) * (found.right - found.left + 1)
    if len(sizes) and sizes.max() > MOST_PIXELS:
        at = int(sizes.argmax())
        height, width = found.bottom[at] - found.top[at] + 1, found.right[at] - found.left[at] + 1
        raise ConfigError(
            f"postprocess.split: one object, from row {found.top[at]} and column {found.left[at]} on, is {width} x "
            f"{height} pixels large; up to {MOST_PIXELS:,} can be parted, since all of it must be in memory. "
            "Predict without split, or cut the image into tiles"
        )


def _part(spool: Spool, components: BandedComponents, index: int, number: int, distance: int) -> None:
    """Parts one object that lies in several bands."""
    facts, (row, column) = components.joined, components.seeds[index]
    top, bottom, left, right = (int(fact[index]) for fact in (facts.top, facts.bottom, facts.left, facts.right))
    window = spool.window(top, left, bottom - top + 1, right - left + 1)
    _, labels = cv2.connectedComponents((window == number).astype(np.uint8), connectivity=8)
    window[watershed_lines(labels == labels[row - top, column - left], distance)] = 0
    spool.replace(top, window, left)


def watershed_lines(objects: Mask, distance: int) -> NDArray[np.bool_]:
    """Finds lines between touching objects, bool (H, W); outside the image there is none."""
    from skimage.feature import peak_local_max
    from skimage.segmentation import watershed

    binary = objects.astype(np.uint8)
    # The border of the image is one too: an object that it cuts has its centre where it is thickest.
    depth = cv2.distanceTransform(np.pad(binary, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    _, components = cv2.connectedComponents(binary, connectivity=8)
    centres = peak_local_max(depth, min_distance=distance, threshold_abs=0, labels=components, exclude_border=False)
    markers = np.zeros(objects.shape, np.int32)
    markers[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    heights = -depth.astype(np.float64)
    heights[tuple(centres.T)] -= _ties(components[tuple(centres.T)], centres)
    # Objects touch at corners too, so a line must part them there; skimage's own way would leave it open.
    parts = watershed(heights, markers, connectivity=2, mask=objects, watershed_line=True)
    # An object so flat that it has no centre is left alone.
    return np.asarray(objects & (parts == 0) & np.isin(components, np.unique(components[tuple(centres.T)])))


def _ties(components: NDArray[np.int32], centres: NDArray[np.int64]) -> NDArray[np.float64]:
    """Lets centres of one object that are equally deep take turns from top to bottom.

    Flooding takes equal ones in an order that depends on all other centres of the image, and with it on the bands.

    Args:
        components: Object of each centre, (n,).
        centres: Row and column, (n, 2).
    """
    order = np.lexsort((centres[:, 1], centres[:, 0], components))
    ordered = components[order]
    place = np.empty(len(order), np.float64)
    place[order] = np.arange(len(order)) - np.searchsorted(ordered, ordered)
    return place * 1e-9
