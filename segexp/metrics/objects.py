"""ObjectScores: how many objects were found, an object being a connected component."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import maximum_bipartite_matching  # type: ignore[import-untyped]

from segexp.config.checks.built_words import check_word
from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.labels import label
from segexp.metrics.quotients import share
from segexp.metrics.regions import Regions, crop, regions
from segexp.spec import FigureSpec
from segexp.types import Fraction

ROWS = 256
"""Rows of pixels that are paired together, so that what lies between stays small."""


class ObjectScores(ImageMeasure):
    """F1, precision and recall of objects, matched one to one where their IoU is above a threshold.

    The recognition quality of Kirillov, He, Girshick, Rother & Dollár 2019, "Panoptic Segmentation", equation 2,
    with components for objects: F1 = 2 TP / (2 TP + FP + FN). From a threshold of 0.5 on, no object has two partners
    (their proof: objects of one mask do not overlap); below, as many pairs as possible are made.

    Objects are made of valid pixels: ignored ones cut them, and an object under them does not exist.

    Sums: TP, FP, FN objects.

    Args:
        iou_threshold: Pairs need an IoU strictly above it.
        connectivity: 8: pixels that touch at a corner are one object; 4: they are two.
    """

    figure_specs: ClassVar = {
        "object_f1": FigureSpec(
            "max", "object F1", meaning="F1 of connected pieces paired at an IoU above the threshold"
        ),
        "object_precision": FigureSpec(
            "max", "object precision", meaning="share of the predicted pieces that have a partner"
        ),
        "object_recall": FigureSpec("max", "object recall", meaning="share of the true pieces that have a partner"),
    }
    exceptions: ClassVar = {"hole": "an object with a hole is found"}

    def __init__(self, iou_threshold: Fraction = 0.5, connectivity: Literal[4, 8] = 8) -> None:
        check_word("connectivity", connectivity, Literal[4, 8])
        self.iou_threshold, self.connectivity = iou_threshold, connectivity

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 3) of one image."""
        return np.array([self._count(crop(regions(image, index), 0)) for index in classes], dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Three shares (N, R) of sums (N, R, 3)."""
        hit, false, missed = sums[..., 0], sums[..., 1], sums[..., 2]
        absent = sums.sum(axis=-1) == 0
        return {
            "object_f1": share(2 * hit, 2 * hit + false + missed, absent),
            "object_precision": share(hit, hit + false, absent),
            "object_recall": share(hit, hit + missed, absent),
        }

    def _count(self, found: Regions) -> tuple[int, int, int]:
        true, true_boxes = label(found.truth, self.connectivity)
        predicted, predicted_boxes = label(found.prediction, self.connectivity)
        shared = _overlaps(true, predicted, (len(true_boxes), len(predicted_boxes)))
        union = true_boxes[shared.row, 4] + predicted_boxes[shared.col, 4] - shared.data
        near = shared.data / union > self.iou_threshold
        hit = _pairs(coo_array((near[near], (shared.row[near], shared.col[near])), shape=shared.shape))
        return hit, len(predicted_boxes) - hit, len(true_boxes) - hit


def _overlaps(true: NDArray[np.int32], predicted: NDArray[np.int32], shape: tuple[int, int]) -> coo_array:
    """Pixels shared by each pair of a true and a predicted object that share any: sparse, of ``shape``.

    Args:
        true: Number of the object at each pixel from 1 on, 0 elsewhere, (H, W).
        predicted: The same of the prediction.
        shape: Number of true and of predicted objects.
    """
    shared = csr_array(shape, dtype=np.int64)
    for row in range(0, len(true), ROWS):
        one, other = true[row : row + ROWS], predicted[row : row + ROWS]
        both = (one > 0) & (other > 0)
        pairs = one[both] - 1, other[both] - 1
        shared = shared + csr_array((np.ones(len(pairs[0]), np.int64), pairs), shape=shape)
    return coo_array(shared)


def _pairs(candidates: coo_array) -> int:
    """Most pairs that can be made of the candidates (true, predicted), each object in one pair at most."""
    if candidates.nnz == 0:
        return 0
    return int(np.count_nonzero(maximum_bipartite_matching(candidates.tocsr(), perm_type="column") >= 0))
