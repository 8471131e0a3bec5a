"""The measure against a cost, with the Pareto front."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from segexp.report.charts import svg
from segexp.report.charts.label_places import Box, Place, places
from segexp.report.charts.scale import Scale, fitted, plain
from segexp.report.comparison_page.pareto import front
from segexp.report.comparison_page.spread import Spread
from segexp.runs.text import shortened

WIDTH, HEIGHT = 520.0, 360.0
LEFT, RIGHT, TOP, BOTTOM = 58.0, 14.0, 34.0, 52.0
LONGEST = 30
"""Letters of a label."""
MANY = 14
"""With more points only those of the front have labels; the pointer tells the others."""


@dataclass(frozen=True)
class Point:
    """A configuration: what it costs and what it reaches."""

    name: str
    cost: float
    value: Spread


def scatter(
    points: Sequence[Point], cost: str, measure: str, form: Callable[[float], str], *, lower: bool
) -> str | None:
    """An SVG drawing.

    Args:
        points: Configurations that have both.
        cost: Name of the horizontal axis.
        measure: Name of the vertical one.
        form: How a cost is written.
        lower: Whether less of the measure is better.

    Returns:
        None where there are fewer than two costs to compare.
    """
    if len({point.cost for point in points}) < 2:
        return None
    across = fitted([point.cost for point in points], LEFT, WIDTH - RIGHT)
    up = fitted([end for point in points for end in _ends(point)], HEIGHT - BOTTOM, TOP, log=False)
    best = front([(point.cost, point.value.mean) for point in points], lower=lower)
    name = f"{measure} ({'lower' if lower else 'higher'} is better)"
    content = svg.axes(across, up, (cost, name), (form, plain))
    content += _steps([points[index] for index in best], across, up)
    # The front is drawn last and its labels are placed first.
    order = best + [index for index in range(len(points)) if index not in best]
    centres = [(across.at(points[index].cost), up.at(points[index].value.mean)) for index in order]
    for index, centre in reversed(list(zip(order, centres, strict=True))):
        content += _dot(points[index], centre, up, form, on_front=index in best)
    named = [points[index].name for index in order[: len(best) if len(points) > MANY else None]]
    texts = [shortened(name, LONGEST) for name in named]
    steps = _step_boxes([centres[place] for place in range(len(best))], across.end)
    spots = places(centres, texts, (LEFT, TOP - 8, WIDTH, HEIGHT - BOTTOM), steps)
    for centre, label, place in zip(centres, texts, spots, strict=False):
        content += _label(label, centre, place)
    return svg.drawing(content, WIDTH, HEIGHT, f"{measure} against {cost}")


def _ends(point: Point) -> tuple[float, float]:
    deviation = point.value.deviation or 0.0
    return point.value.mean - deviation, point.value.mean + deviation


def _steps(points: Sequence[Point], across: Scale, up: Scale) -> str:
    """The front as steps: between two points, the cheaper one is what can be had."""
    path = ""
    for point in points:
        x, y = across.at(point.cost), up.at(point.value.mean)
        path += f"H{x:.1f}V{y:.1f}" if path else f"M{x:.1f} {y:.1f}"
    return svg.tag("path", class_="front", d=f"{path}H{across.end:.1f}")


def _step_boxes(corners: Sequence[tuple[float, float]], end: float) -> list[Box]:
    """What the line of the front covers."""
    found = []
    for (x, y), (after, below) in itertools.pairwise([*corners, (end, corners[-1][1])]):
        found += [(x, y - 1, after, y + 1), (after - 1, min(y, below), after + 1, max(y, below))]
    return found


def _dot(point: Point, centre: tuple[float, float], up: Scale, form: Callable[[float], str], *, on_front: bool) -> str:
    x, y = centre
    told = svg.title(f"{point.name}: {point.value.text()}, {form(point.cost)}" + (", on the front" if on_front else ""))
    bar = ""
    if point.value.deviation:
        low, high = _ends(point)
        bar = svg.tag("line", class_="deviation", x1=x, x2=x, y1=up.at(low), y2=up.at(high))
    dot = svg.tag("circle", class_="dot on" if on_front else "dot", cx=x, cy=y, r=5)
    return svg.tag("g", told + bar + dot)


def _label(label: str, centre: tuple[float, float], place: Place | None) -> str:
    if place is None:
        return ""
    line = ""
    if place.leads:
        line = svg.tag("line", class_="lead", x1=centre[0], y1=centre[1], x2=place.x, y2=place.y - 4)
    return line + svg.text(label, place.x, place.y, text_anchor=place.anchor, class_="label")
