"""Connected components of a mask."""

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.metrics.regions import Mask


def label(mask: Mask, connectivity: Literal[4, 8]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Numbers the components.

    Args:
        mask: bool (H, W).
        connectivity: Whether pixels that touch at a corner alone hang together (8) or not (4).

    Returns:
        Number of each pixel's component, 1..n, and 0 outside, int32 (H, W); and of each component its left column,
        top row, width, height and area in pixels, int32 (n, 5).
    """
    if mask.size == 0:  # OpenCV refuses empty images
        return np.zeros(mask.shape, np.int32), np.zeros((0, 5), np.int32)
    threads = cv2.getNumThreads()
    # Each thread would take room for as many components as an image can have: 200 MB of a 5000x5000 tile.
    cv2.setNumThreads(1)
    try:
        _, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=connectivity)
    finally:
        cv2.setNumThreads(threads)
    return np.asarray(labels, np.int32), np.asarray(boxes[1:], np.int32)
