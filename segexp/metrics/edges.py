"""Edges and rims of a class: its pixels next to, or near, what is not the class.

Two rules hold for both. A class's end at ignored pixels is no edge: nobody knows what lies there, so ignored pixels
count as more of the class. Its end at the image's border is one, as in MONAI and SciPy (erosion with a border of
zeros) and in the code of Cheng et al. 2021.
"""

from collections.abc import Callable

import cv2
import numpy as np

from segexp.metrics.regions import Mask, Regions

_CROSS = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], dtype=np.uint8)


def outline(mask: Mask, ignored: Mask) -> Mask:
    """Pixels of the class of which one of the four neighbours is not: the edges of MONAI's surface distances.

    Args:
        mask: bool (H, W), no pixel of it ignored.
        ignored: bool (H, W).
    """
    whole = (mask | ignored).view(np.uint8)
    inner = cv2.erode(whole, _CROSS, borderType=cv2.BORDER_CONSTANT, borderValue=0)
    return np.asarray(mask & (inner == 0))


def rim(mask: Mask, ignored: Mask, width: int) -> Mask:
    """Pixels of the class at most ``width`` from what is not the class, in chessboard distance.

    The same as the mask less its erosion, ``width`` times, by a square of 3 x 3 (Cheng et al. 2021), in a time
    that does not grow with ``width``. Arguments as for :func:`outline`.
    """
    whole = np.pad((mask | ignored).view(np.uint8), 1)
    distance = cv2.distanceTransform(whole, cv2.DIST_C, cv2.DIST_MASK_3)[1:-1, 1:-1]
    return mask & (distance <= width)


def edges_of(found: Regions, find: Callable[[Mask, Mask], Mask]) -> tuple[Mask, Mask]:
    """Edges of prediction and truth, or all their pixels where one of them has no edge.

    A class that fills everything up to ignored pixels has none; so that it can still be right or wrong, both
    regions then stand with all their pixels.

    Args:
        found: A class in prediction and truth.
        find: Makes edges of a mask and the ignored pixels.
    """
    pair = []
    for mask in (found.prediction, found.truth):
        edge = find(mask, found.ignored)
        if mask.any() and not edge.any():
            return found.prediction, found.truth
        pair.append(edge)
    return pair[0], pair[1]
