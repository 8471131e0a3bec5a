"""Connected components of a raster that is seen band by band, exactly as if it were seen whole.

In a first pass each band is labelled (by OpenCV). Components that touch a neighbouring band are kept and joined with
what they touch there; of all others the second pass, which labels the band again, sees all there is. So memory is that
of a band and of the objects along the borders of bands, whatever the height and however many objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array  # type: ignore[import-untyped]
from scipy.sparse.csgraph import connected_components  # type: ignore[import-untyped]

Mask = NDArray[np.bool_]
Numbers = NDArray[np.int64]


@dataclass
class ComponentFacts:
    """Facts of n components, each (n,), rows and columns of the raster.

    Attributes:
        area: Pixels.
        marked: Pixels that were marked.
        top: First row.
        left: First column.
        bottom: Last row.
        right: Last column.
    """

    area: Numbers
    marked: Numbers
    top: Numbers
    left: Numbers
    bottom: Numbers
    right: Numbers

    @property
    def columns(self) -> tuple[Numbers, ...]:
        """All arrays, in the order of the attributes."""
        return self.area, self.marked, self.top, self.left, self.bottom, self.right

    def select(self, chosen: NDArray[np.integer]) -> "ComponentFacts":
        """Picks the components with these numbers."""
        return ComponentFacts(*(column[chosen] for column in self.columns))

    def replace(self, chosen: NDArray[np.integer], others: "ComponentFacts") -> None:
        """Replaces the facts of some components."""
        for mine, theirs in zip(self.columns, others.columns, strict=True):
            mine[chosen] = theirs


class BandEdge(NamedTuple):
    """Components of a band that continue in another.

    Attributes:
        labels: Their numbers in the band, ascending.
        first: Number of the first of them among those of all bands.
    """

    labels: NDArray[np.int32]
    first: int


class BandedComponents:
    """Joins components over the borders of bands.

    Call :meth:`add` for each band from top to bottom, then :meth:`join`, then :meth:`relabel` for each band again.

    Attributes:
        joined: What is known of those that lie in several bands.
        seeds: Row and column of a pixel of each of them, (n, 2).
    """

    def __init__(self, height: int, connectivity: Literal[4, 8]) -> None:
        """Of a raster of so many rows; connectivity 8: pixels that touch at a corner belong together."""
        self.height, self.connectivity = height, connectivity
        self.seeds: Numbers = np.zeros((0, 2), np.int64)
        self.joined = ComponentFacts(*(np.zeros(0, np.int64) for _ in range(6)))
        self._count = 0
        self._edges: dict[int, BandEdge] = {}
        self._parts: list[ComponentFacts] = []
        self._seeds: list[Numbers] = []
        self._touching: list[Numbers] = []
        self._above: Numbers | None = None
        self._group: NDArray[np.int32] = np.zeros(0, np.int32)

    def add(self, top: int, pixels: Mask, marked: Mask | None = None) -> None:
        """Takes the next band (n, W) of the pixels that are looked at; ``marked`` ones are counted per component."""
        labels, facts = _labelled(top, pixels, marked, self.connectivity)
        last = len(pixels) - 1
        goes_on = top + len(pixels) < self.height
        numbers, places = _on_rows(labels, [row for row, inner in ((0, top > 0), (last, goes_on)) if inner])
        edge = BandEdge(numbers, self._count)
        self._count += len(numbers)
        self._edges[top] = edge
        self._parts.append(facts.select(numbers))
        places[:, 0] += top
        self._seeds.append(places)
        if self._above is not None:
            self._touching.append(_touching(self._above, _numbered(labels[0], edge), self.connectivity))
        self._above = _numbered(labels[last], edge) if goes_on else None

    def join(self) -> None:
        """Adds up components that belong together, after the last band."""
        pairs = np.concatenate([np.zeros((0, 2), np.int64), *self._touching])
        shape = (self._count, self._count)
        graph = coo_array((np.ones(len(pairs), np.int8), (pairs[:, 0], pairs[:, 1])), shape=shape)
        groups, self._group = connected_components(graph, directed=False) if self._count else (0, self._group)
        self.joined = _joined(self._parts, self._group, groups)
        self.seeds = np.zeros((groups, 2), np.int64)
        self.seeds[self._group] = np.concatenate([np.zeros((0, 2), np.int64), *self._seeds])

    def relabel(
        self, top: int, pixels: Mask, marked: Mask | None = None
    ) -> tuple[NDArray[np.int32], ComponentFacts, Mask]:
        """Labels a band again, with what is known of its components in the whole raster.

        Returns:
            Number of the component of each pixel, (n, W), 0: none; what is known of each component of the whole raster
            that has pixels here, the first being what is none; whether it goes on in another band.
        """
        labels, facts = _labelled(top, pixels, marked, self.connectivity)
        edge = self._edges[top]
        group = self._group[edge.first : edge.first + len(edge.labels)]
        facts.replace(edge.labels, self.joined.select(group))
        goes_on = np.zeros(len(facts.area), bool)
        goes_on[edge.labels] = True
        return labels, facts, goes_on


def _labelled(
    top: int, pixels: Mask, marked: Mask | None, connectivity: int
) -> tuple[NDArray[np.int32], ComponentFacts]:
    count, labels, stats, _ = cv2.connectedComponentsWithStats(pixels.astype(np.uint8), connectivity=connectivity)
    found = stats.astype(np.int64)
    first, left = top + found[:, cv2.CC_STAT_TOP], found[:, cv2.CC_STAT_LEFT]
    bottom, right = first + found[:, cv2.CC_STAT_HEIGHT] - 1, left + found[:, cv2.CC_STAT_WIDTH] - 1
    number = np.zeros(count, np.int64) if marked is None else np.bincount(labels[marked], minlength=count)
    return np.asarray(labels, np.int32), ComponentFacts(found[:, cv2.CC_STAT_AREA], number, first, left, bottom, right)


def _joined(parts: Sequence[ComponentFacts], group: NDArray[np.int32], groups: int) -> ComponentFacts:
    """What is known of each of ``groups`` components, from what is known of their parts."""
    columns = [np.concatenate(column) for column in zip(*(part.columns for part in parts), strict=True)]
    largest = np.iinfo(np.int64).max
    ways = ((np.add, 0), (np.add, 0), (np.minimum, largest), (np.minimum, largest), (np.maximum, 0), (np.maximum, 0))
    found = [np.full(groups, start, np.int64) for _, start in ways]
    for target, (way, _), column in zip(found, ways, columns, strict=True):
        way.at(target, group, column)
    return ComponentFacts(*found)


def _on_rows(labels: NDArray[np.int32], rows: Sequence[int]) -> tuple[NDArray[np.int32], Numbers]:
    """Components that have pixels in some rows, ascending, and row and column of such a pixel."""
    numbers, at = np.unique(labels[np.array(rows, np.intp)], return_index=True)
    places = np.stack([np.array([*rows, 0], np.int64)[at // labels.shape[1]], at % labels.shape[1]], axis=1)
    return numbers[numbers > 0], places[numbers > 0]


def _numbered(row: NDArray[np.int32], edge: BandEdge) -> Numbers:
    """Numbers among all bands of the components in a row; -1: none."""
    return np.where(row > 0, edge.first + np.searchsorted(edge.labels, row), -1)


def _touching(above: Numbers, below: Numbers, connectivity: int) -> Numbers:
    """Pairs (n, 2) of components of two neighbouring rows that touch."""
    pairs = [(above, below)]
    if connectivity == 8:
        pairs += [(above[1:], below[:-1]), (above[:-1], below[1:])]
    both = np.concatenate([np.stack(pair, axis=1) for pair in pairs])
    return np.unique(both[(both >= 0).all(axis=1)], axis=0)
