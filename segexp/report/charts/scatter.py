"""What is reached against what it costs, with the Pareto front."""

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segexp.report.charts.beside import SIDES, LabelBox, sides
from segexp.report.charts.chart import (
    PLAIN_FORMAT,
    Chart,
    Encoding,
    LegendItem,
    far_apart,
    halo_text,
    layer,
    log_ticks,
    number_axis,
    rounded,
)
from segexp.report.charts.palette import ACCENT, INK, PAPER, SOFT

WIDTH, HEIGHT, PADDING = 420, 300, 16
MANY = 14
"""With more points only those of the front have labels; the pointer tells the others."""
FRONT, OTHER = 0, 1
"""Series."""


@dataclass(frozen=True)
class ScatterPoint:
    """A point.

    Attributes:
        label: Beside it, where there is room.
        x: Its cost.
        y: What it reaches.
        deviation: Half the height of its bar; None: no bar.
        told: What the pointer tells.
    """

    label: str
    x: float
    y: float
    deviation: float | None
    told: str


@dataclass(frozen=True)
class Costs:
    """The horizontal axis: where it begins and ends, and whether it is logarithmic."""

    low: float
    high: float
    log: bool

    def share(self, value: float) -> float:
        """Place of a value, 0..1 from left to right."""
        low, high, here = (math.log10(number) if self.log else number for number in (self.low, self.high, value))
        return (here - low) / (high - low)


def scatter_chart(
    points: Sequence[ScatterPoint], front: Sequence[int], names: tuple[str, str], *, form: str = PLAIN_FORMAT
) -> Chart | None:
    """Draw points, and the front as steps: between two of its points, the cheaper one is what can be had.

    Args:
        points: In any order.
        front: Numbers of the points that no other beats, from the cheapest to the dearest.
        names: Of the horizontal and of the vertical axis.
        form: How a cost is written (d3-format).

    Returns:
        None where there are fewer than two costs to compare.
    """
    if len({point.x for point in points}) < 2:
        return None
    costs = _costs([point.x for point in points])
    steps = [{"x": rounded(points[n].x), "y": rounded(points[n].y), "s": FRONT} for n in front]
    steps += [{"x": costs.high, "y": steps[-1]["y"], "s": FRONT}] if steps else []
    # drawn last, the front lies above the others
    rows = [_row(points[n], n in front) for n in sorted(range(len(points)), key=lambda n: n in front)]
    domain = {"domain": [costs.low, costs.high], **({"type": "log"} if costs.log else {})}
    ticks = {"values": log_ticks(costs.low, costs.high)} if costs.log else {}
    x = number_axis("x", names[0], domain, form, **ticks)
    y = number_axis("y", names[1], {"zero": False, "padding": PADDING})
    look = {"fill": _by_series(ACCENT, PAPER), "stroke": _by_series(ACCENT, SOFT)}
    bars = {"y": y | {"field": "low"}, "y2": {"field": "high"}}
    spread = [row for row in rows if "low" in row]
    spec = {
        "width": WIDTH, "height": HEIGHT, "data": {"values": rows}, "encoding": {"x": x, "y": y},
        "layer": [
            layer("line", {}, steps, interpolate="step-after", strokeDash=[5, 3], strokeWidth=1.5, color=ACCENT),
            *([layer("rule", bars, spread, strokeWidth=1.2, color=SOFT)] if spread else []),
            layer("circle", look, size=75, opacity=1, strokeWidth=1.6),
            *_labels(points, front, costs),
        ],
    }  # fmt: skip
    legend = (LegendItem("Pareto front", ACCENT, "point", FRONT), LegendItem("others", SOFT, "ring", OTHER))
    title = f"{names[1]} against {names[0]}"
    return Chart(title, spec, f"{title}: {'; '.join(point.told for point in points)}", legend)


def _costs(found: Sequence[float], share: float = 0.08) -> Costs:
    """Room at both ends; costs have no place below zero, and neither has their axis."""
    low, high = min(found), max(found)
    if far_apart(low, high):
        factor = (high / low) ** share
        return Costs(rounded(low / factor), rounded(high * factor), log=True)
    more = share * (high - low)
    return Costs(rounded(max(low - more, 0.0) if low >= 0 else low - more), rounded(high + more), log=False)


def _row(point: ScatterPoint, on_front: bool) -> dict[str, Any]:
    found = {
        "x": rounded(point.x), "y": rounded(point.y), "s": FRONT if on_front else OTHER, "label": point.label,
        "told": point.told,
    }  # fmt: skip
    if point.deviation:
        found |= {"low": rounded(point.y - point.deviation), "high": rounded(point.y + point.deviation)}
    return found


def _by_series(front: str, other: str) -> Encoding:
    scale = {"domain": [FRONT, OTHER], "range": [front, other]}
    return {"field": "s", "type": "nominal", "legend": None, "scale": scale}


def _labels(points: Sequence[ScatterPoint], front: Sequence[int], costs: Costs) -> list[dict[str, Any]]:
    """A layer for each side on which labels stand; those of the front are placed first."""
    order = [*front, *(number for number in range(len(points)) if number not in front)]
    low, high = min(point.y for point in points), max(point.y for point in points)
    tall = (HEIGHT - 2 * PADDING) / ((high - low) or 1.0)
    centres = [(WIDTH * costs.share(points[n].x), PADDING + tall * (high - points[n].y)) for n in order]
    named = order if len(points) <= MANY else list(front)
    found = sides(centres, [points[n].label for n in named], (WIDTH, HEIGHT), _steps(centres[: len(front)]))
    rows = [(side, _row(points[n], n in front)) for side, n in zip(found, named, strict=True)]
    placed = {side: [row for at, row in rows if at == side] for side in SIDES if side in found}
    return [text for side, own in placed.items() for text in halo_text(own, color=INK, **SIDES[side])]


def _steps(corners: Sequence[tuple[float, float]]) -> list[LabelBox]:
    """What the line of the front covers, in pixels."""
    found: list[LabelBox] = []
    for (x, y), (after, below) in itertools.pairwise([*corners, (WIDTH, corners[-1][1])] if corners else []):
        found += [(x, y - 1, after, y + 1), (after - 1, min(y, below), after + 1, max(y, below))]
    return found
