"""Boundary loss: probabilities weighted by their distance to the true boundary."""

from types import MappingProxyType

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.losses.activations import probabilities
from segexp.losses.base import SegmentationLoss
from segexp.spec import IGNORED, DataSpec


class Boundary(SegmentationLoss):
    """Mean over the valid pixels of d p, d the signed distance to the true boundary in pixels, negative inside.

    Kervadec et al. 2019, equation 5. It is *negative* for a good prediction, and has no fixed least value: that
    depends on the sizes of the objects. Far false pixels cost most. In the paper it stands beside a loss of regions,
    with a weight that rises from 0.01 by 0.01 an epoch: see ``loss=bce_boundary``.

    Activation: sigmoid (K = 1), of the foreground; softmax (K > 1), and the loss is the mean over the classes but
    the first.

    A class absent from an image, or alone in it, has no boundary there: d is 0, and it counts nothing (as the
    authors do it). Ignored pixels are no boundary either, see :func:`signed_distances`. The distances are computed
    on the CPU at every step, which costs a GPU a copy of the masks.

    Args:
        include_background: Whether class 0 takes part too; without effect for two classes.
    """

    exceptions = MappingProxyType(
        {
            "pixel_order": "it looks at the shape",
            "every_pixel": "the distance is 0 on the boundary",
            "absent_class": "an absent class has no boundary",
        }
    )

    def __init__(self, include_background: bool = False) -> None:
        super().__init__()
        self.include_background = include_background

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss, of either sign, of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        channels = logits.shape[1]
        first = 0 if channels == 1 or self.include_background else 1
        classes = range(1, 2) if channels == 1 else range(first, channels)
        ignored = (mask == IGNORED).unsqueeze(1)
        total = (probabilities(logits, ignored)[:, first:] * signed_distances(mask, classes)).sum()
        return total / ((~ignored).sum().clamp(min=1) * len(classes))

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""


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
