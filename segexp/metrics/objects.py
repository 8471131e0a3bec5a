"""ObjectScores: how many objects were found, an object being a connected component."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array, csr_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import maximum_bipartite_matching  # type: ignore[import-untyped]

from segexp.metrics.base import ImageMeasure, Seen, Sums
from segexp.metrics.labels import label
from segexp.metrics.names import Direction
from segexp.metrics.quotients import share
from segexp.metrics.regions import Regions, crop, regions
from segexp.types import Fraction


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

    directions: Mapping[str, Direction] = {"object_f1": "max", "object_precision": "max", "object_recall": "max"}

    def __init__(self, iou_threshold: Fraction = 0.5, connectivity: Literal[4, 8] = 8) -> None:
        self.iou_threshold, self.connectivity = iou_threshold, connectivity

    def sums(self, seen: Seen, classes: Sequence[int]) -> Sums:
        """Sums (R, 3) of one image."""
        return np.array([self._count(crop(regions(seen, index), 0)) for index in classes], dtype=np.float64)

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
        both = found.truth & found.prediction
        shared = _overlaps(true[both] - 1, predicted[both] - 1, (len(true_boxes), len(predicted_boxes)))
        union = true_boxes[shared.row, 4] + predicted_boxes[shared.col, 4] - shared.data
        near = shared.data / union > self.iou_threshold
        hit = _pairs(coo_array((near[near], (shared.row[near], shared.col[near])), shape=shared.shape))
        return hit, len(predicted_boxes) - hit, len(true_boxes) - hit


def _overlaps(true: NDArray[np.int32], predicted: NDArray[np.int32], shape: tuple[int, int]) -> coo_array:
    """Pixels shared by each pair of a true and a predicted object that share any: sparse, of ``shape``."""
    ones = np.ones(len(true), dtype=np.int64)
    return coo_array(csr_array((ones, (true, predicted)), shape=shape))


def _pairs(candidates: coo_array) -> int:
    """Most pairs that can be made of the candidates (true, predicted), each object in one pair at most."""
    if candidates.nnz == 0:
        return 0
    return int(np.count_nonzero(maximum_bipartite_matching(candidates.tocsr(), perm_type="column") >= 0))
