"""Places of labels beside points, so that no label lies on another one or on a point."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

LETTER = 6.1
"""Width of a letter at the font size of the plots, 11; wide enough for most fonts."""
HEIGHT = 13.0
DOT = 6.0
"""Room around the centre of a point."""
DISTANCES = (9.0, 20.0, 34.0)
"""From a point to its label; beyond the first a line leads there."""

Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""


@dataclass(frozen=True)
class Place:
    """Where a label stands.

    Attributes:
        x: Where its text is anchored.
        y: Its base line.
        anchor: ``start``, ``middle`` or ``end``, as SVG calls it.
        leads: Whether it is so far away that a line must lead to it.
        box: What it covers.
    """

    x: float
    y: float
    anchor: str
    leads: bool
    box: Box


def places(
    points: Sequence[tuple[float, float]], texts: Sequence[str], inside: Box, lines: Sequence[Box] = ()
) -> list[Place | None]:
    """A place for each label, one after the other; None where there is no room.

    Args:
        points: Centres, none of which a label may cover.
        texts: Labels of the first of the points.
        inside: What no label may leave.
        lines: What labels keep off where there is room.
    """
    dots = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    taken: list[Box] = []
    found: list[Place | None] = []
    for (x, y), text in zip(points, texts, strict=False):
        free = [
            place
            for place in _around(x, y, text)
            if _within(place.box, inside) and not any(_overlap(place.box, other) for other in (*taken, *dots))
        ]
        clear = (place for place in free if not any(_overlap(place.box, other) for other in lines))
        place = next(clear, free[0] if free else None)
        found.append(place)
        taken += [place.box] if place else []
    return found


def _around(x: float, y: float, text: str) -> Iterator[Place]:
    width = LETTER * len(text)
    for number, far in enumerate(DISTANCES):
        near = far * 0.7
        for dx, dy, anchor in (
            (far, 0, "start"), (-far, 0, "end"), (0, -far, "middle"), (0, far, "middle"),
            (near, -near, "start"), (near, near, "start"), (-near, -near, "end"), (-near, near, "end"),
        ):  # fmt: skip
            left = x + dx - {"start": 0.0, "middle": width / 2, "end": width}[anchor]
            box = (left, y + dy - HEIGHT / 2, left + width, y + dy + HEIGHT / 2)
            yield Place(x + dx, y + dy + 4, anchor, number > 0, box)


def _within(box: Box, inside: Box) -> bool:
    return box[0] >= inside[0] and box[1] >= inside[1] and box[2] <= inside[2] and box[3] <= inside[3]


def _overlap(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
