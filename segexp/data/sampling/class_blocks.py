"""Where the pixels of some classes lie in a mask, coarsely: a few kilobytes, from which single pixels are drawn."""

from collections.abc import Sequence

import numpy as np

from segexp.data.items.item import Item, Mask

SIDE = 64
"""Pixels a side of a block: an index of a 5000x5000 mask has 79x79 numbers, and a draw looks at 64x64 pixels."""


class BlockIndex:
    """Counts of the wanted pixels per block; a pixel is drawn with equal chance for each of them."""

    def __init__(self, mask: Mask, classes: Sequence[int]) -> None:
        """Counts.

        Args:
            mask: uint8 (H, W).
            classes: Class numbers wanted.
        """
        self.classes = np.array(sorted(classes), dtype=np.uint8)
        table = np.zeros(256, dtype=np.int64)
        table[self.classes] = 1
        rows = range(0, mask.shape[0], SIDE)
        columns = np.arange(0, mask.shape[1], SIDE)
        # A band of rows at a time: the whole mask as integers would be eight times its size.
        counts = [np.add.reduceat(table[mask[row : row + SIDE]].sum(axis=0), columns) for row in rows]
        self.counts = np.stack(counts)
        self._cumulated = self.counts.ravel().cumsum()

    @property
    def total(self) -> int:
        """Wanted pixels in all."""
        return int(self._cumulated[-1])

    def draw(self, item: Item, rng: np.random.Generator) -> tuple[int, int]:
        """Row and column of one wanted pixel of the item that was indexed; there must be one."""
        place = int(rng.integers(self.total))
        block = int(np.searchsorted(self._cumulated, place, side="right"))
        before = int(self._cumulated[block - 1]) if block else 0
        top, left = (SIDE * part for part in divmod(block, self.counts.shape[1]))
        height, width = (min(SIDE, side - start) for side, start in zip(item.shape, (top, left), strict=True))
        inside = np.flatnonzero(np.isin(item.class_window(top, left, height, width), self.classes))
        y, x = divmod(int(inside[place - before]), width)
        return top + y, left + x
