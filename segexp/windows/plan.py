"""Lays out the windows of a large image, and how much each counts at every pixel."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Blend = Literal["gaussian", "constant"]
Weights = NDArray[np.float32]

SIGMA = 1 / 8
"""Standard deviation of the Gaussian as a share of the window's side: Isensee et al. 2021 (nnU-Net)."""

FLOOR = 1e-3
"""Least weight along a side, the centre's being 1: a pixel that only the corner of a window sees counts as well."""


class Window(NamedTuple):
    """A rectangle of an image, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @property
    def slices(self) -> tuple[slice, slice]:
        """Slices of rows and columns, to index an array with."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)


class WindowPlan:
    """Windows of one size on a grid that covers an image; the last of a row or column is moved inward.

    Windows are numbered row by row from the top left. Their weights are normalised: at every pixel, those of all
    windows that see it add up to 1. Grid and Gaussian are both products of a vertical and a horizontal part, so that
    two short vectors per window hold all weights, and no sum of weights is ever kept or divided by.

    Attributes:
        height: Rows of the image.
        width: Columns of the image.
        size: Height and width of the windows, at most those of the image: nothing is padded.
        tops: First row of each row of windows, ascending.
        lefts: First column of each column of windows, ascending.
        row_weights: For each of ``tops``, float32 (size[0],).
        column_weights: For each of ``lefts``, float32 (size[1],).
    """

    def __init__(self, height: int, width: int, window: int, overlap: float, blend: Blend = "gaussian") -> None:
        """Lays out the windows.

        Args:
            height: Rows of the image.
            width: Columns of the image.
            window: Side of the windows in pixels.
            overlap: Share of a side that neighbours have in common, 0 <= overlap < 1.
            blend: ``gaussian``: what a window says counts less towards its border, where it sees less of what lies
                around; ``constant``: the mean.
        """
        self.height, self.width = height, width
        self.size = min(window, height), min(window, width)
        stride = max(1, round(window * (1 - overlap)))
        self.tops = _starts(height, self.size[0], stride)
        self.lefts = _starts(width, self.size[1], stride)
        self.row_weights = _normalised(height, self.tops, _profile(self.size[0], blend))
        self.column_weights = _normalised(width, self.lefts, _profile(self.size[1], blend))

    def __len__(self) -> int:
        return len(self.tops) * len(self.lefts)

    def __getitem__(self, number: int) -> Window:
        row, column = divmod(number, len(self.lefts))
        return Window(self.tops[row], self.lefts[column], *self.size)

    def finished(self, row: int) -> int:
        """Gives the row of pixels that no window after those of ``row`` reaches above: all before it is known."""
        return self.tops[row + 1] if row + 1 < len(self.tops) else self.height


def _starts(length: int, size: int, stride: int) -> list[int]:
    last = length - size
    return [*range(0, last, stride), last]


def _profile(size: int, blend: Blend) -> NDArray[np.float64]:
    """Weights along a side (size,), 1 in the middle."""
    if blend == "constant":
        return np.ones(size)
    distance = np.arange(size) - (size - 1) / 2
    weights: NDArray[np.float64] = np.maximum(np.exp(-0.5 * (distance / (SIGMA * size)) ** 2), FLOOR)
    return weights


def _normalised(length: int, starts: Sequence[int], profile: NDArray[np.float64]) -> list[Weights]:
    """The share of each window in the sum of all that see a pixel; exactly 1 where there is one."""
    total = np.zeros(length)
    for start in starts:
        total[start : start + len(profile)] += profile
    return [(profile / total[start : start + len(profile)]).astype(np.float32) for start in starts]
