"""Touching objects parted: by watersheds of the distance to their border (Meyer 1994), each object by itself.

What becomes of an object depends on its own pixels alone, so those inside a band are parted there, and one that goes
over the border of a band in a window around it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import find_objects, maximum_filter  # type: ignore[import-untyped]

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

    binary = objects.astype(np.uint8)
    # The border of the image is one too: an object that it cuts has its centre where it is thickest.
    depth = cv2.distanceTransform(np.pad(binary, 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    _, components = cv2.connectedComponents(binary, connectivity=8)
    centres = peak_local_max(depth, min_distance=distance, threshold_abs=0, labels=components, exclude_border=False)
    centres = centres[np.lexsort((centres[:, 1], centres[:, 0]))]
    owners = components[tuple(centres.T)]
    lines = np.zeros(objects.shape, np.bool_)
    windows = find_objects(components)
    for number in np.flatnonzero(np.bincount(owners) > 1):
        window = windows[number - 1]
        first = centres[owners == number] - [side.start for side in window]
        lines[window] |= _lines_of(components[window] == number, depth[window], first)
    return lines


def _lines_of(inside: Mask, depth: NDArray[np.float32], centres: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Lines that part one object; nothing but its own pixels counts.

    skimage's ``watershed_line`` is no use here: it floods through the lines, again and again on a ridge, so that one
    object of 40x56 pixels takes 9 s and one of 60x80 does not end.

    Args:
        inside: The object, bool (H, W).
        depth: Distance of each pixel to the border, (H, W).
        centres: Row and column, from top to bottom, (n, 2).
    """
    from skimage.segmentation import watershed

    markers = np.zeros(inside.shape, np.int32)
    markers[tuple(centres.T)] = np.arange(1, len(centres) + 1)
    parts = watershed(-depth.astype(np.float64), markers, connectivity=2, mask=inside)
    # Objects touch at corners too, so a line must part them there: of two parts the first one gives its edge.
    return np.asarray(inside & (maximum_filter(parts, size=3) > parts))
