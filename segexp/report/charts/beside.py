"""On which side of its point a label stands, so that no label lies on another one or on a point."""

from collections.abc import Sequence
from typing import Any

LETTER, HEIGHT, DOT = 6.1, 13.0, 6.0
"""Width of a letter at the font size of charts, 11; height of a label; room around the centre of a point."""
SIDES: dict[str, dict[str, Any]] = {
    "right": {"align": "left", "dx": 9},
    "left": {"align": "right", "dx": -9},
    "above": {"align": "center", "dy": -12},
    "below": {"align": "center", "dy": 13},
}
"""Where labels stand, as properties of a mark: in pixels, so that they fit a chart of any size."""

LabelBox = tuple[float, float, float, float]
"""Left, top, right, bottom."""


def sides(
    points: Sequence[tuple[float, float]],
    texts: Sequence[str],
    size: tuple[float, float],
    lines: Sequence[LabelBox] = (),
) -> list[str | None]:
    """A side for each label, one after the other; None where there is no room.

    Args:
        points: Centres in pixels, none of which a label may cover.
        texts: Labels of the first of the points.
        size: Width and height, which no label may leave.
        lines: What labels keep off where there is room.
    """
    taken: list[LabelBox] = [(x - DOT, y - DOT, x + DOT, y + DOT) for x, y in points]
    found: list[str | None] = []
    for (x, y), text in zip(points, texts, strict=False):
        boxes = {side: _box(x, y, LETTER * len(text), side) for side in SIDES}
        free = [side for side, box in boxes.items() if _within(box, size) and not any(_overlap(box, b) for b in taken)]
        clear = [side for side in free if not any(_overlap(boxes[side], line) for line in lines)]
        side = next(iter(clear or free), None)
        found.append(side)
        taken += [boxes[side]] if side else []
    return found


def _box(x: float, y: float, width: float, side: str) -> LabelBox:
    look = SIDES[side]
    left = x + float(look.get("dx", 0)) - width * {"left": 0.0, "center": 0.5, "right": 1.0}[str(look["align"])]
    middle = y + float(look.get("dy", 0))
    return left, middle - HEIGHT / 2, left + width, middle + HEIGHT / 2


def _within(box: LabelBox, size: tuple[float, float]) -> bool:
    return box[0] >= 0 and box[1] >= -HEIGHT and box[2] <= size[0] and box[3] <= size[1]


def _overlap(one: LabelBox, other: LabelBox) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
