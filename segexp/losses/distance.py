"""Measures signed distances to the boundary of a class."""

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.spec import IGNORED


def signed_distances(mask: Tensor, classes: range) -> Tensor:
    """Measures the distance of each pixel to the boundary of each class, negative inside.

    Outside, the distance to the nearest pixel of the class: 1 or more. Inside, 1 minus the distance to the nearest
    valid pixel of another class: 0 or less. Ignored pixels belong to neither, so no boundary arises where they
    begin. 0 everywhere in an image that shows the class nowhere, or nothing else: it has no boundary.

    Computed on the CPU, wherever the mask lies: OpenCV's exact Euclidean transform.

    Args:
        mask: uint8 (B, H, W), 255 is ignored.
        classes: Class numbers.

    Returns:
        float32 (B, C, H, W) in pixels, on the device of the mask; 0 at ignored pixels.
    """
    images = mask.cpu().numpy()
    maps = np.stack([[_of_class(image, index) for index in classes] for image in images])
    return torch.from_numpy(maps).to(mask.device)


def _of_class(mask: NDArray[np.uint8], index: int) -> NDArray[np.float32]:
    member, other = mask == index, (mask != index) & (mask != IGNORED)
    signed = np.zeros(mask.shape, np.float32)
    if member.any() and other.any():
        signed[other] = _to_nearest(member)[other]
        signed[member] = 1.0 - _to_nearest(other)[member]
    return signed


def _to_nearest(there: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Euclidean distance of each pixel to the nearest one that is there."""
    # OpenCV measures the way to the nearest 0.
    ways = cv2.distanceTransform((~there).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return np.asarray(ways, dtype=np.float32)
