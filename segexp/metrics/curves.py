"""ScoreCurve: ROC, precision-recall and the best threshold, from the scores of positives and negatives."""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.blocks import Block, RankedScores, summed
from segexp.metrics.ranked import Counts, Ranked, Values

Array = NDArray[np.float64]

PER_UNIT = 2048
"""Among thresholds that predict the same, a multiple of 1/2048 is taken where there is one."""

CURVE_POINTS = 1000
"""Most points of a curve that is drawn or stored."""


class Threshold(NamedTuple):
    """Foreground is where a logit is at least ``logit``; ``dice`` is what that gives."""

    logit: float
    probability: float
    dice: float


class _Areas(NamedTuple):
    auc: float
    average_precision: float
    best: Threshold


class ScoreCurve:
    """ROC and precision-recall curve of the scores of positives and negatives; all None without both of them.

    Exact where each pixel stands for itself. A score may be any float, also infinite; equal scores are ties.

    Args:
        scores: Of the pixels of both classes.
        bound: By how much AUC, average precision and Dice may be wrong; 0: exact.
    """

    def __init__(self, scores: RankedScores, bound: float = 0.0) -> None:
        self._scores = scores
        self.bound = bound
        self._negatives, self._positives = scores.totals
        self._defined = min(scores.totals) > 0
        self._found: _Areas | None = None

    @property
    def pixels(self) -> int:
        """Number of pixels."""
        return self._negatives + self._positives

    def auc(self) -> float | None:
        """Area under the ROC curve; ties count half, as in the trapezoidal rule."""
        return self._areas().auc if self._defined else None

    def average_precision(self) -> float | None:
        """Sum of (R_n - R_{n-1}) P_n over descending thresholds, not interpolated, as in scikit-learn."""
        return self._areas().average_precision if self._defined else None

    def best_threshold(self) -> Threshold | None:
        """The threshold with the highest foreground Dice.

        Thresholds between two neighbouring scores predict the same: of these the multiple of 1/2048 nearest to logit 0
        is given, or the upper score where none lies between. Of several that are equally good, the one nearest to 0.
        """
        return self._areas().best if self._defined else None

    def roc(self) -> dict[str, list[float]] | None:
        """False and true positive rates ``fpr``, ``tpr`` at descending thresholds ``logit``, from (0, 0) at inf."""
        if not self._defined:
            return None
        keys, true, false = self._points()
        return {
            "fpr": [0.0, *(false / self._negatives).tolist()],
            "tpr": [0.0, *(true / self._positives).tolist()],
            "logit": [math.inf, *keys.tolist()],
        }

    def pr(self) -> dict[str, list[float]] | None:
        """``recall`` and ``precision`` at descending thresholds ``logit``."""
        if not self._defined:
            return None
        keys, true, false = self._points()
        return {
            "recall": (true / self._positives).tolist(),
            "precision": (true / (true + false)).tolist(),
            "logit": keys.tolist(),
        }

    def _areas(self) -> _Areas:
        if self._found is None:
            self._found = self._measured()
        return self._found

    def _measured(self) -> _Areas:
        """Everything in one pass over the positives: Dice, too, is highest at the score of one of them."""
        positives, negatives = self._positives, self._negatives
        above = precision = 0.0
        best = Threshold(0.0, 0.5, -1.0)
        for block in self._scores.blocks():
            # Negatives above each positive: whole numbers, up to 2^53 without rounding.
            above += summed(block.called - block.true, block.own) - block.tied / 2
            precision += summed(block.true / block.called, block.own)
            # No Dice of the block can be above this.
            if 2 * (block.true[0] / (block.called[-1] + positives)) >= best.dice:
                best = self._better(best, block, block.true / (block.called + positives))
        return _Areas(1 - above / positives / negatives, precision / positives, best)

    def _better(self, best: Threshold, block: Block, halves: Array) -> Threshold:
        """The better of a threshold and those of a block, ``halves`` (n,) of the Dice of its scores."""
        half = halves.max()
        top = 2 * float(half)
        if top < best.dice:
            return best
        edges = _edges(*block.bounds(np.flatnonzero(halves == half)))
        edge = float(edges[np.argmin(np.abs(edges))])
        if top == best.dice and abs(edge) >= abs(best.logit):
            return best
        return Threshold(edge, _sigmoid(edge), top)

    def _points(self) -> tuple[Values, Counts, Counts]:
        """Descending thresholds, and the true and false positives that they give; evenly spaced along the ROC curve."""
        negatives, positives = self._scores.sides()
        keys = np.unique(np.concatenate([_spread(side) for side in (negatives, positives)]))[::-1]
        true, false = (side.total - side.below(keys) for side in (positives, negatives))
        if len(keys) >= CURVE_POINTS:
            along = true / self._positives + false / self._negatives
            wanted = np.linspace(along[0], along[-1], CURVE_POINTS - 1)
            keep = np.unique(np.searchsorted(along, wanted).clip(max=len(along) - 1))
            keys, true, false = keys[keep], true[keep], false[keep]
        return keys, true, false


def _spread(side: Ranked) -> Values:
    """Scores of which points of a curve may be made: all where they are few, else evenly spaced among the pixels."""
    values = side.values
    new: NDArray[np.bool_] = np.append(True, values[1:] != values[:-1])
    if np.count_nonzero(new) < CURVE_POINTS:
        return values[new]
    return values[side.place_of(np.linspace(0, side.total - 1, 4 * CURVE_POINTS).astype(np.int64))]


def _edges(lower: Values, upper: Values) -> Values:
    """A threshold above ``lower`` and at most ``upper``, (n,) each; see :meth:`ScoreCurve.best_threshold`."""
    above = (np.floor(np.maximum(lower, 0.0).astype(np.float64) * PER_UNIT) + 1) / PER_UNIT
    step = np.where(upper < 0, np.floor(upper.astype(np.float64) * PER_UNIT) / PER_UNIT, above)
    step = np.where((lower < 0) & (upper >= 0), 0.0, step)
    # Logits are float32: a multiple that is none would be rounded, perhaps to ``lower``.
    fits = (step > lower) & (step <= upper) & (step.astype(np.float32) == step)
    highest = np.finfo(np.float32).max
    return np.where(fits, step, np.where(lower < highest, np.minimum(upper, highest), upper))


def areas(counts: Array) -> tuple[Array, Array]:
    """Area under the ROC curve and average precision of many histograms at once, as in :class:`ScoreCurve`.

    Args:
        counts: (..., 2, bins), negatives and positives per bin of ascending scores.

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


def _sigmoid(logit: float) -> float:
    return 1.0 / (1.0 + math.exp(-logit)) if logit > -500 else 0.0


def within(bound: float) -> str:
    """Says in words how far a figure may be off."""
    return f"within {bound:.1e} of the exact figures: too many pixels to keep each of them"
