"""ScoreCurve: ROC, precision-recall and the best threshold, from positives and negatives per logit bin."""

import math
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array = NDArray[np.float64]

LIMIT = 16
"""Logits are told apart from -16 to 16: probabilities from 1e-7 to 1 - 1e-7."""

PER_UNIT = 2048
"""Bins per unit of logit, a power of two so that scaling a float32 by it is exact."""

NUM_BINS = 2 * LIMIT * PER_UNIT

CURVE_POINTS = 1000
"""Most points of a curve that is drawn or stored."""


class Threshold(NamedTuple):
    """Foreground is where a logit is at least ``logit``; ``dice`` is what that gives."""

    logit: float
    probability: float
    dice: float


class ScoreCurve:
    """What the counts of a :class:`~segexp.metrics.scores.ScoreHistogram` say; all None without both classes.

    Args:
        counts: int64 (2, bins), negatives and positives per bin of ascending logits.
    """

    def __init__(self, counts: Tensor) -> None:
        descending = counts.cpu().flip(1)
        used = descending.sum(dim=0) > 0
        # Index i: everything from the i-th used bin from above upwards is called foreground.
        self._bins = (NUM_BINS - 1 - used.nonzero().flatten()).tolist()
        negatives, positives = descending[:, used].cumsum(dim=1).double()
        self._false, self._true = negatives, positives
        self._defined = bool(counts[0].sum() > 0) and bool(counts[1].sum() > 0)

    def auc(self) -> float | None:
        """Area under the ROC curve; ties (a shared bin) count half, as in the trapezoidal rule."""
        if not self._defined:
            return None
        true, false = self._rates()
        return float(torch.trapezoid(true, false))

    def average_precision(self) -> float | None:
        """Sum of (R_n - R_{n-1}) P_n over descending thresholds, not interpolated, as in scikit-learn."""
        if not self._defined:
            return None
        precision = self._true / (self._true + self._false)
        return float((self._rates()[0].diff() * precision).sum())

    def roc(self) -> dict[str, list[float]] | None:
        """False and true positive rates ``fpr``, ``tpr`` at descending thresholds ``logit``, from (0, 0)."""
        if not self._defined:
            return None
        true, false = self._rates()
        keep = self._subsample()
        start = torch.cat((torch.zeros(1, dtype=torch.int64), keep + 1))
        logits = [float(LIMIT), *(_edge(self._bins[index]) for index in keep.tolist())]
        return {"fpr": false[start].tolist(), "tpr": true[start].tolist(), "logit": logits}

    def pr(self) -> dict[str, list[float]] | None:
        """``recall`` and ``precision`` at descending thresholds ``logit``."""
        if not self._defined:
            return None
        keep = self._subsample()
        true, false = self._true[keep], self._false[keep]
        return {
            "recall": (true / self._true[-1]).tolist(),
            "precision": (true / (true + false)).tolist(),
            "logit": [_edge(self._bins[index]) for index in keep.tolist()],
        }

    def best_threshold(self) -> Threshold | None:
        """The bin edge with the highest foreground Dice; among equals the one nearest to logit 0."""
        if not self._defined:
            return None
        dice = 2 * self._true / (self._true + self._false + self._true[-1])
        best = float(dice.max())
        candidates = (dice == best).nonzero().flatten().tolist()
        edge = min((self._nearest_to_zero(index) for index in candidates), key=abs)
        return Threshold(edge, _sigmoid(edge), best)

    def _nearest_to_zero(self, index: int) -> float:
        """Between a used bin and the next one above, every edge gives the same prediction."""
        lowest = self._bins[index + 1] + 1 if index + 1 < len(self._bins) else 0
        highest = self._bins[index]
        return _edge(min(max(NUM_BINS // 2, lowest), highest))

    def _rates(self) -> tuple[Tensor, Tensor]:
        """True and false positive rates float64 (points + 1,), from 0 to 1."""
        zero = torch.zeros(1, dtype=torch.float64)
        true, false = self._true / self._true[-1], self._false / self._false[-1]
        return torch.cat((zero, true)), torch.cat((zero, false))

    def _subsample(self) -> Tensor:
        """At most ``CURVE_POINTS`` - 1 indices, evenly spaced along the ROC curve, ends included."""
        if len(self._bins) < CURVE_POINTS:
            return torch.arange(len(self._bins))
        true, false = self._rates()
        along = (true + false)[1:].contiguous()
        wanted = torch.linspace(float(along[0]), float(along[-1]), CURVE_POINTS - 1, dtype=torch.float64)
        found = torch.searchsorted(along, wanted).clamp(max=len(along) - 1).tolist()
        return torch.tensor(sorted(set(found)))


def areas(counts: Array) -> tuple[Array, Array]:
    """Area under the ROC curve and average precision of many histograms at once, as in :class:`ScoreCurve`.

    Args:
        counts: (..., 2, bins), negatives and positives per bin of ascending logits.

    Returns:
        Two float64 (...); nan where one of the two is missing.
    """
    false, true = (
        np.cumsum(side[..., ::-1], axis=-1, dtype=np.float64) for side in (counts[..., 0, :], counts[..., 1, :])
    )
    defined = (false[..., -1] > 0) & (true[..., -1] > 0)
    steps = np.diff(false, axis=-1, prepend=0.0), np.diff(true, axis=-1, prepend=0.0)
    # Trapezoids: a bin holds ties, which count half.
    below = (steps[0] * (true - steps[1] / 2)).sum(axis=-1)
    precision = true / np.maximum(true + false, 1.0)
    found = (steps[1] * precision).sum(axis=-1)
    positives, pairs = (
        np.where(defined, true[..., -1], np.nan),
        np.where(defined, true[..., -1] * false[..., -1], np.nan),
    )
    return below / pairs, found / positives


def _edge(index: int) -> float:
    """Lowest logit of a bin; the lowest bin also holds all below, so its edge is the least finite float32."""
    return (index - NUM_BINS // 2) / PER_UNIT if index > 0 else torch.finfo(torch.float32).min


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -500 else 0.0
