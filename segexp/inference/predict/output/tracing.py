"""Outlines of the objects of a mask; pixels of one class that touch at a corner alone are one object, as everywhere.

GDAL traces parts whose pixels share sides: those are always valid polygons, while with corners its rings touch
themselves. Parts that meet at a corner are put together here, each object as soon as its last part is there.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.spec import IGNORED

Ring = Sequence[tuple[float, float]]
Part = list[Ring]
"""A polygon: the outer border, then its holes; points in the coordinates of the mask."""
Codes = NDArray[np.int64]
"""Corners of pixels, each with a class, as single numbers."""

AT_ONCE = 1 << 22
"""Pixels that are searched for touching corners at a time."""


def trace_objects(dataset: Any) -> Iterator[tuple[int, list[Part]]]:
    """Traces the outlines of every object of all classes but the first.

    Args:
        dataset: The mask, opened by rasterio; 255 is no data.

    Yields:
        Class and parts.
    """
    import rasterio
    from rasterio.features import shapes

    meetings, inverse, width = _meetings(dataset), (~dataset.transform)[:6], dataset.width
    waiting: dict[int, _Object] = {}
    band = rasterio.band(dataset, 1)
    # As its own mask the band leaves out the first class, which is 0.
    for geometry, value in shapes(band, mask=band, transform=dataset.transform):
        if int(value) == IGNORED:
            continue
        found = _Object([geometry["coordinates"]])
        for corner in _among(meetings, _corners(geometry["coordinates"], int(value), inverse, width)):
            found = _met(found, corner, waiting)
        if not found.open:
            yield int(value), found.parts


@dataclass(eq=False)
class _Object:
    """Parts of an object, and the corners where others are still to come."""

    parts: list[Part]
    open: set[int] = field(default_factory=set)


def _met(found: _Object, corner: int, waiting: dict[int, _Object]) -> _Object:
    """The object after one of its corners: exactly two corners of pixels meet there, of one part or of two."""
    other = waiting.pop(corner, None)
    if other is None:
        waiting[corner] = found
        found.open.add(corner)
        return found
    other.open.discard(corner)
    if other is found:
        return found
    large, small = (other, found) if len(other.open) > len(found.open) else (found, other)
    waiting.update(dict.fromkeys(small.open, large))
    large.open |= small.open
    # The one with fewer open corners may be the one of more parts: each list grows by the shorter.
    large.parts, shorter = sorted((large.parts, small.parts), key=len, reverse=True)
    large.parts += shorter
    return large


def _meetings(dataset: Any) -> Codes:
    """All corners where pixels of one class touch that share no side there, ascending."""
    height, width = dataset.height, dataset.width
    step = max(1, AT_ONCE // width)
    found: list[Codes] = []
    for top in range(0, height - 1, step):
        rows = dataset.read(1, window=((top, min(top + step + 1, height)), (0, width)))
        a, b, c, d = rows[:-1, :-1], rows[:-1, 1:], rows[1:, :-1], rows[1:, 1:]
        for one, same, others in ((a, d, (b, c)), (b, c, (a, d))):
            meet = (one == same) & (one != others[0]) & (one != others[1]) & (one != 0) & (one != IGNORED)
            row, column = np.nonzero(meet)
            found.append(_codes(top + row + 1, column + 1, one[meet], width))
    return np.sort(np.concatenate([np.zeros(0, np.int64), *found]))


def _codes(row: Codes, column: Codes, number: Any, width: int) -> Codes:
    return np.asarray((row * (width + 1) + column) * (IGNORED + 1) + number, np.int64)


def _corners(part: Iterable[Ring], number: int, inverse: Sequence[float], width: int) -> Codes:
    a, b, c, d, e, f = inverse
    x, y = np.array([point for ring in part for point in ring[:-1]], np.float64).T
    column, row = np.rint(a * x + b * y + c), np.rint(d * x + e * y + f)
    return _codes(row.astype(np.int64), column.astype(np.int64), number, width)


def _among(meetings: Codes, corners: Codes) -> list[int]:
    if not len(meetings):
        return []
    at = meetings.searchsorted(corners)
    found: list[int] = corners[meetings.take(at, mode="clip") == corners].tolist()
    return found
