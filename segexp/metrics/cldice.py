"""ClDice: whether thin branching things such as vessels and roads hang together as they should."""

from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.morphology import skeletonize

from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.labels import label
from segexp.metrics.quotients import share
from segexp.metrics.regions import Mask, crop, regions
from segexp.metrics.thinning import thinned
from segexp.spec import FigureSpec

SMALL, MANY = 16, 10_000
"""Of specks, things of at most so many pixels a side, more than so many are thinned together: a model that has learned
nothing yet sees a million of them in a tile of 5000x5000, and few steps thin them all."""

WIDE = 64
"""Half the width, in pixels, from which on things are thinned by their edge alone."""
SLOW = 2**28
"""The same for half the width times the pixels of the window: some 4 seconds."""


class ClDice(ImageMeasure):
    """Centreline Dice: harmonic mean of topology precision and topology sensitivity.

    Shit et al. 2021, "clDice - a Novel Topology-Preserving Loss Function for Tubular Structure Segmentation",
    equations 1 and 2: Tprec = |S_P ∩ T| / |S_P|, Tsens = |S_T ∩ P| / |S_T| with P and T the masks and S their
    skeletons; clDice = 2 Tprec Tsens / (Tprec + Tsens). The skeletons are hard ones: Zhang & Suen 1984, and of
    connected things that are very large, or somewhere wider than 128 pixels, Guo & Hall 1989, see
    :mod:`segexp.metrics.thinning`.

    Only valid pixels have a skeleton: a vessel that runs through ignored pixels is cut there. A mirrored image
    gives a slightly different figure, because thinning peels one side first.

    Sums: |S_P ∩ T|, |S_P|, |S_T ∩ P|, |S_T|.
    """

    figure_specs: ClassVar = {
        "cldice": FigureSpec("max", "clDice", meaning="overlap of centrelines: do thin things hang together")
    }
    exceptions: ClassVar = {"mirrored": "thinning peels one side first, so skeletons of even width move by a pixel"}

    def __init__(self) -> None:
        """Without keys."""

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 4) of one image."""
        rows = []
        for index in classes:
            predicted, true, _ = crop(regions(image, index), 0)
            rows.append((*_on(skeleton(predicted), true), *_on(skeleton(true), predicted)))
        return np.array(rows, dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """``cldice`` in [0, 1] (N, R) of sums (N, R, 4)."""
        absent = (sums[..., 1] == 0) & (sums[..., 3] == 0)
        precision = share(sums[..., 0], sums[..., 1], absent)
        sensitivity = share(sums[..., 2], sums[..., 3], absent)
        both = precision + sensitivity
        # 0 / 0 of a total miss is 0.
        return {"cldice": 2 * precision * sensitivity / np.where(both == 0, 1.0, both)}


def skeleton(mask: Mask) -> Mask:
    """Centrelines one pixel wide, bool (H, W): those of ``skimage.morphology.skeletonize``, found faster.

    Thinning looks at 3 x 3 pixels, so 8-connected components do not see each other. Each in a window of its own
    is thinned as often as its own width needs, not as the widest thing in the image. The time of scikit-image grows
    with area times width: wide things are thinned another way, or a tile that is all of one class would take minutes.
    """
    labels, boxes = label(mask, connectivity=8)
    lines = np.zeros_like(mask)
    alone = np.ones(len(boxes), dtype=bool)
    small = boxes[:, 2:4].max(axis=1, initial=0) <= SMALL
    if np.count_nonzero(small) > MANY:
        lines |= skeletonize(np.concatenate(([False], small))[labels])
        alone = ~small
    for number in (np.flatnonzero(alone) + 1).tolist():
        left, top, width, height = boxes[number - 1, :4].tolist()
        window = slice(top, top + height), slice(left, left + width)
        part = labels[window] == number
        lines[window] |= thinned(part) if _is_wide(part) else skeletonize(part)
    return lines


def _is_wide(mask: Mask) -> bool:
    """Whether a pixel of the mask lies more than ``WIDE`` from what is not the mask, or scikit-image would be slow."""
    if min(mask.shape) <= 2 * WIDE:
        return False
    distance = cv2.distanceTransform(np.pad(mask, 1).view(np.uint8), cv2.DIST_C, cv2.DIST_MASK_3)
    return bool(distance.max() > WIDE or distance.max() * mask.size > SLOW)


def _on(lines: Mask, mask: Mask) -> tuple[int, int]:
    """Pixels of the centrelines that lie on the mask, and all of them."""
    return int(np.count_nonzero(lines & mask)), int(np.count_nonzero(lines))
