"""Ranked: scores of one class of pixels in ascending order, each pixel by itself or few for many."""

import functools
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.floating]
Counts = NDArray[np.int64]

PIECE = 1024
"""Keys looked up together: their places lie close to each other, so that the search is short and stays in the cache."""


class Ranked:
    """Scores in ascending order, and how many pixels have each of them.

    Args:
        values: float (n,), ascending.
        weights: int64 (n,), pixels of each value; None: one each.
    """

    def __init__(self, values: Values, weights: Counts | None = None) -> None:
        self.values = values
        self.weights = weights
        self._before = None if weights is None else np.concatenate(([0], np.cumsum(weights)))

    @property
    def total(self) -> int:
        """Number of pixels."""
        return len(self.values) if self._before is None else int(self._before[-1])

    def counts(self) -> Counts:
        """Pixels of each value, int64 (n,)."""
        return np.ones(len(self.values), dtype=np.int64) if self.weights is None else self.weights

    def before(self, places: Counts) -> Counts:
        """Pixels before a place of ``values``, int64 of the shape of ``places``."""
        return places if self._before is None else self._before[places]

    def below(self, keys: Values) -> Counts:
        """Pixels with a score below each key; any order of keys."""
        return self.before(np.searchsorted(self.values, keys))

    def places(self, keys: Values) -> tuple[Counts, Counts]:
        """Places of the first value not below each key, and of the first above it; keys ascending and distinct."""
        values = self.values
        left = np.empty(len(keys), dtype=np.int64)
        edges = [*values.searchsorted(keys[::PIECE]).tolist(), len(values)]
        for number, (low, high) in enumerate(pairwise(edges)):
            part = slice(number * PIECE, (number + 1) * PIECE)
            np.add(values[low:high].searchsorted(keys[part]), low, out=left[part])
        inside = left[: left.searchsorted(len(values))]
        tied = np.flatnonzero(values[inside] == keys[: len(inside)])
        if not len(tied):
            return left, left
        right = left.copy()
        right[tied] = values.searchsorted(keys[tied], side="right")
        return left, right

    def value_before(self, places: Counts) -> Values:
        """The value before each place, -inf before the first."""
        if not len(self.values):
            return np.full(len(places), -np.inf)
        return np.where(places > 0, self.values[np.maximum(places, 1) - 1], -np.inf)

    def place_of(self, pixels: Counts) -> Counts:
        """Place in ``values`` of the pixel of each rank, counted from the lowest score."""
        return pixels if self._before is None else np.searchsorted(self._before, pixels, side="right") - 1

    def starts(self, first: int, last: int) -> Counts:
        """Places in first..last - 1 where a new value begins; ``first`` has to be one of them."""
        part = self.values[first:last]
        new = part[1:] != part[:-1]
        return np.arange(first, last) if new.all() else first + np.append(0, np.flatnonzero(new) + 1)

    def thinned(self, per_e_fold: int) -> "Ranked":
        """Few values that stand for many.

        Counted from the highest score down, pixels of ranks r to r + r / k stand together at the middle one of them, k
        being ``per_e_fold``; the first 2 k stay by themselves. The number of pixels at or above any score is then wrong
        by at most 1 / k of itself, and by half of that where each pixel stood by itself before. The total stays exact.
        """
        descending = self.values[::-1]
        if self.weights is None:
            lowest = np.concatenate(([0], _bounds(per_e_fold, len(descending))))[: len(descending)]
            sums = np.diff(np.concatenate((lowest, [len(descending)]))) if len(descending) else lowest
            middle = lowest + sums // 2
        else:
            lowest, sums, middle = _groups(self.weights[::-1], per_e_fold)
        return Ranked(descending[middle][::-1].copy(), sums[::-1].copy())


def _groups(weights: Counts, per_e_fold: int) -> tuple[Counts, Counts, Counts]:
    """First rank, pixels and middle entry of each group of entries, int64 (groups,); entries by descending score."""
    ends = np.cumsum(weights)
    starts = ends - weights
    group = np.searchsorted(_bounds(per_e_fold, int(ends[-1]) if len(ends) else 0), starts, side="right")
    first = np.flatnonzero(np.diff(group, prepend=-1))
    lowest = starts[first]
    sums = np.diff(np.concatenate((lowest, ends[-1:])))
    return lowest, sums, np.searchsorted(ends, lowest + sums // 2, side="right")


def in_order(values: Values, *, known: bool = False) -> Ranked:
    """Values of one pixel each; sorted in place where they are not in order yet.

    Args:
        values: float (n,).
        known: Whether they may be in order already, so that it is worth a look.

    Raises:
        ValueError: A value is nan, which has no rank.
    """
    if not known or not (values[1:] >= values[:-1]).all():  # nan is never in order
        values.sort()
    if len(values) and np.isnan(values[-1]):
        raise ValueError("a score is nan")
    return Ranked(values)


def united(parts: Sequence[Ranked]) -> Ranked:
    """Several of them as one."""
    values = np.concatenate([part.values for part in parts])
    order = np.argsort(values, kind="stable")
    return Ranked(values[order], np.concatenate([part.counts() for part in parts])[order])


@functools.lru_cache(maxsize=8)
def _all_bounds(per_e_fold: int) -> Counts:
    """First rank of each group but the first, up to 2^45 pixels."""
    found, rank = [], 0
    while rank < 1 << 45:
        rank += max(1, rank // per_e_fold)
        found.append(rank)
    return np.array(found)


def _bounds(per_e_fold: int, total: int) -> Counts:
    every = _all_bounds(per_e_fold)
    return every[: np.searchsorted(every, total)]
