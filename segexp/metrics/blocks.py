"""Sides: the scores of negatives and of positives, looked through in blocks of positives."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.ranked import Counts, Ranked, Values

BLOCK = 1 << 14
"""Positives looked at together, which keeps the memory small whatever their number."""


class Block(NamedTuple):
    """Scores of some positives, ascending, (n,) each.

    Attributes:
        own: Positives that an entry stands for; None: one each.
        true: Positives at or above its score, float64.
        called: Pixels at or above it, float64.
        tied: Negatives of the same score, summed over the positives.
        bounds: Of the scores at some places of the block: the next lower score of any pixel (-inf where there is none),
            and the score itself.
    """

    own: Counts | None
    true: NDArray[np.float64]
    called: NDArray[np.float64]
    tied: float
    bounds: Callable[[Counts], tuple[Values, Values]]


class RankedScores(Protocol):
    """Scores of both classes of pixels in order, of which a curve is made."""

    @property
    def totals(self) -> tuple[int, int]:
        """Number of negatives and of positives."""

    def sides(self) -> tuple[Ranked, Ranked]:
        """Negatives and positives by themselves."""

    def blocks(self) -> Iterator[Block]:
        """The positives in blocks, ascending; equal scores are never parted."""


class Sides:
    """Scores that are kept by class.

    Args:
        negatives: Scores of the pixels of the first class.
        positives: Scores of the pixels of the second class.

    Attributes:
        totals: Number of negatives and of positives.
    """

    def __init__(self, negatives: Ranked, positives: Ranked) -> None:
        self._negatives, self._positives = negatives, positives
        self.totals = negatives.total, positives.total

    def sides(self) -> tuple[Ranked, Ranked]:
        """Negatives and positives by themselves."""
        return self._negatives, self._positives

    def blocks(self) -> Iterator[Block]:
        """The positives in blocks, ascending; equal scores are never parted."""
        values, total = self._positives.values, self._positives.total
        first, before = 0, -math.inf
        while first < len(values):
            last = min(first + BLOCK, len(values))
            last = int(np.searchsorted(values, values[last - 1], side="right"))
            starts = self._positives.starts(first, last)
            single = len(starts) == last - first
            keys = values[first:last] if single else values[starts]
            counted = self._positives.before(np.append(starts, last))
            own = None if single and self._positives.weights is None else np.diff(counted)
            true = (total - counted[:-1]).astype(np.float64)
            left, right = self._negatives.places(keys)
            below = self._negatives.before(left)
            tied = 0.0 if right is left else summed(self._negatives.before(right) - below, own)
            yield Block(own, true, true + (self.totals[0] - below), tied, self._bounds(keys, before, left))
            first, before = last, float(keys[-1])

    def _bounds(self, keys: Values, before: float, place: Counts) -> Callable[[Counts], tuple[Values, Values]]:
        """For :class:`Block`; ``place`` is that of the first negative that is not below a key."""

        def bounds(chosen: Counts) -> tuple[Values, Values]:
            positive = np.where(chosen > 0, keys[chosen - 1], before)
            return np.maximum(positive, self._negatives.value_before(place[chosen])), keys[chosen]

        return bounds


def summed(values: NDArray[np.number], times: Counts | None) -> float:
    """Sum of values that stand for so many; not as a dot product, whose rounding depends on the number of threads."""
    return float(values.sum() if times is None else (times * values.astype(np.float64)).sum())
