"""Mixed: score and class of a pixel in one whole number, so that one sort puts both classes in order."""

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.blocks import BLOCK, Block
from segexp.metrics.ranked import Counts, Ranked, Values
from segexp.spec import IGNORED

Keys = NDArray[np.int32]

LOWEST = 0x20000000
"""Bits of the least float32 that has a key, 2^-63; the largest is just below 2^65. Zero has one as well."""

SHIFT = 2 * LOWEST - 2
"""Taken off doubled bits, so that the lowest becomes 2 and zero may become 0."""

PIECE = 1 << 15
"""Pixels worked on together, which stay in the cache."""


def keys_of(scores: Values, labels: NDArray[np.uint8]) -> Keys | None:
    """Keys that are in order as the scores are, and of equal scores negatives before positives.

    A key is twice a whole number that grows with the score, plus the class. Of the 32 bits of a float, one is free
    where its exponent needs seven bits only: nothing is rounded.

    Args:
        scores: float32 (n,).
        labels: uint8 (n,): 0, 1, and 255 for pixels that are left out.

    Returns:
        int32 (m,) of the pixels that are not left out; None where a score has no key: below 2^-63 but not 0, about 2^65
        or more, infinite or nan.
    """
    whole = labels.max(initial=0) < IGNORED
    found = np.empty(len(labels) if whole else np.count_nonzero(labels != IGNORED), dtype=np.int32)
    space = np.empty(0 if whole else min(PIECE, len(labels)), dtype=np.int32)
    bits, end = scores.view(np.int32), 0
    for first in range(0, len(labels), PIECE):
        part = slice(first, first + PIECE)
        keys = found[part] if whole else space[: len(labels[part])]
        if not _encode(bits[part], labels[part], keys):
            return None
        if not whole:
            kept = keys[labels[part] != IGNORED]
            found[end : end + len(kept)] = kept
            end += len(kept)
    return found


def _encode(bits: Keys, classes: NDArray[np.uint8], out: Keys) -> bool:
    """Writes the keys of a piece; whether all have one."""
    np.left_shift(bits, 1, out=out)  # the sign falls out
    np.subtract(out, SHIFT, out=out)
    if out.min() <= 0:
        if np.count_nonzero(out <= 0) != np.count_nonzero(out == -SHIFT):
            return False
        np.maximum(out, 0, out=out)
    sign = bits >> 31  # -1 or 0
    np.bitwise_xor(out, sign, out=out)
    np.subtract(out, sign, out=out)
    np.add(out, classes, out=out)
    return True


def scores_of(keys: Keys) -> NDArray[np.float32]:
    """The scores float32 (n,) of keys; of a zero without its sign."""
    sign = keys >> 31
    bits = ((keys & ~1) ^ sign) - sign
    zero = bits == 0
    np.add(bits, SHIFT, out=bits)  # beyond 2^31 it wraps around, and the shift of unsigned bits takes it back
    bits = (bits.view(np.uint32) >> 1).view(np.int32)
    bits[zero] = 0
    np.bitwise_or(bits, sign & np.int32(-(2**31)), out=bits)
    return bits.view(np.float32)


class Mixed:
    """Keys in order.

    Args:
        keys: int32 (n,) of :func:`keys_of`, ascending.

    Attributes:
        totals: Number of negatives and of positives.
    """

    def __init__(self, keys: Keys) -> None:
        self._keys = keys
        pieces = range(0, len(keys), PIECE)
        found = [np.flatnonzero(_classes(keys[first : first + PIECE])) + first for first in pieces]
        # Where the positives stand.
        self._places = np.concatenate(found or [np.zeros(0, dtype=np.intp)])
        self.totals = len(keys) - len(self._places), len(self._places)

    def sides(self) -> tuple[Ranked, Ranked]:
        """Negatives and positives by themselves."""
        negatives, positives = parted(self._keys)
        return Ranked(negatives), Ranked(positives)

    def blocks(self) -> Iterator[Block]:
        """The positives in blocks, ascending; equal scores are never parted."""
        first = start = 0
        while first < len(self._places):
            last = min(first + BLOCK, len(self._places))
            end = int(self._places[last - 1])
            end += int(np.searchsorted(self._keys[end:], self._keys[end], side="right"))
            last += int(np.searchsorted(self._places[last:], end))
            yield self._block(slice(start, end), slice(first, last))
            first, start = last, end

    def _block(self, part: slice, chosen: slice) -> Block:
        """Some positives, as many entries as positives; ``part`` of the keys holds them and what is equal to them."""
        keys, places = self._keys[part], self._places[chosen] - part.start
        wanted, before = keys[places], keys[places - 1]
        if not places[0]:
            before[0] = wanted[0] - 2  # nothing is before it, or another score
        alike = np.flatnonzero(before >= wanted - 1)
        true = np.arange(self.totals[1] - chosen.start, self.totals[1] - chosen.stop, -1.0)
        begin, tied = places.copy(), 0
        if len(alike):
            equal = before[alike] == wanted[alike]
            # The first of several equal positives has the negatives of its score just before it.
            ties, others = alike[~equal], alike[equal]
            begin[ties] = _begin(keys, places[ties], wanted[ties])
            # The others are as the first, which is before a run of them.
            first = np.maximum.accumulate(np.where(np.diff(others, prepend=-2) == 1, 0, others - 1))
            tied = int((places - begin)[ties].sum() + (places - begin)[first].sum())
            begin[others], true[others] = begin[first], true[first]
        called = float(len(self._keys) - part.start) - begin
        return Block(None, true, called, tied, self._bounds(begin + part.start, wanted))

    def _bounds(self, begin: Counts, keys: Keys) -> Callable[[Counts], tuple[Values, Values]]:
        """For :class:`Block`; ``begin`` is the place of the first pixel of each score."""

        def bounds(chosen: Counts) -> tuple[Values, Values]:
            before = begin[chosen] - 1
            lower = np.where(before >= 0, scores_of(self._keys[np.maximum(before, 0)]), np.float32(-np.inf))
            return lower, scores_of(keys[chosen])

        return bounds


def parted(keys: Keys) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Scores of the negatives and of the positives, in the order of the keys."""
    positive = _classes(keys)
    return scores_of(keys[~positive]), scores_of(keys[positive])


def _classes(keys: Keys) -> NDArray[np.bool_]:
    found: NDArray[np.bool_] = (keys.astype(np.uint8) & 1).view(np.bool_)
    return found


def _begin(keys: Keys, places: Counts, wanted: Keys) -> Counts:
    """First place of the score that a positive at each place has; the one before has it as well."""
    begin = places - 1
    # Mostly there is one negative of this score.
    more = np.flatnonzero(((keys[begin - 1] | 1) == wanted) & (begin > 0))
    if len(more):
        begin[more] = np.searchsorted(keys, wanted[more] - 1)
    return begin
