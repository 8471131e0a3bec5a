"""A plot of lines: axes, lines that may have holes, marked points; the legend is HTML below, it wraps on a phone."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from segexp.report.charts import svg
from segexp.report.charts.scale import Scale, fitted, plain

WIDTH, HEIGHT = 344.0, 258.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 12.0, 26.0, 46.0
COLOURS = 7
"""Colours of the page's style sheet, ``c0`` to ``c6``."""
MARKED = 30
"""Lines of so many points or fewer show them: a line through one point is invisible."""

Point = tuple[float, float]


@dataclass(frozen=True)
class Line:
    """A named line.

    Attributes:
        name: In the legend.
        points: From left to right; those with nan are left out.
        colour: 0.. ; the palette begins again after ``COLOURS``. None: muted, for what to compare with.
        style: ``solid``, ``dashed`` or ``dotted``.
    """

    name: str
    points: Sequence[Point]
    colour: int | None = 0
    style: str = "solid"

    @property
    def classes(self) -> str:
        """Classes of the style sheet."""
        return f"{'muted' if self.colour is None else f'c{self.colour % COLOURS}'} {self.style}"


@dataclass(frozen=True)
class Mark:
    """A point that stands out, with its name in the legend."""

    name: str
    point: Point
    colour: int = 1


@dataclass(frozen=True)
class Chart:
    """A finished plot.

    Attributes:
        title: What it shows.
        drawing: The SVG.
        legend: (classes, name) of each line and mark.
        note: A sentence below; may be empty.
    """

    title: str
    drawing: Markup
    legend: tuple[tuple[str, str], ...]
    note: str = ""


def unit_scale(start: float, end: float) -> Scale:
    """From 0 to 1."""
    return Scale(0.0, 1.0, start, end)


def line_chart(
    title: str,
    lines: Sequence[Line],
    names: tuple[str, str],
    *,
    marks: Sequence[Mark] = (),
    upright: float | None = None,
    unit: tuple[bool, bool] = (False, False),
    log: bool = False,
    note: str = "",
    form: Callable[[float], str] = plain,
) -> Chart | None:
    """Draw lines over each other.

    Args:
        title: What it shows.
        lines: Those without a point are left out.
        names: Of the horizontal and of the vertical axis.
        marks: Points that stand out.
        upright: Where a vertical line stands.
        unit: Whether the axes run from 0 to 1 whatever the values are.
        log: Whether the vertical axis is logarithmic; values that are not positive are left out.
        note: A sentence below.
        form: How a value of the vertical axis is written.

    Returns:
        None where there is nothing to draw.
    """
    known = [(line, _known(line.points, log=log)) for line in lines]
    known = [(line, points) for line, points in known if points]
    everything = [point for _, points in known for point in points]
    if not everything:
        return None
    across = _across([x for x, _ in everything], unit=unit[0])
    up = _up([y for _, y in everything], unit=unit[1], log=log)
    content = svg.axes(across, up, names, (plain, form))
    if upright is not None:
        content += svg.tag(
            "line", class_="upright", x1=across.at(upright), x2=across.at(upright), y1=up.start, y2=up.end
        )
    content += "".join(_drawn(line, points, across, up) for line, points in known)
    content += "".join(_mark(mark, across, up, names) for mark in marks)
    legend = [(line.classes, line.name) for line, _ in known if line.name]
    legend += [(f"mark c{mark.colour % COLOURS}", mark.name) for mark in marks]
    told = f"{title}: {', '.join(line.name for line, _ in known if line.name)}"
    return Chart(title, Markup(svg.drawing(content, WIDTH, HEIGHT, told)), tuple(legend), note)


def _known(points: Sequence[Point], *, log: bool) -> list[Point]:
    finite = [(x, y) for x, y in points if math.isfinite(x) and math.isfinite(y)]
    return [(x, y) for x, y in finite if y > 0] if log else finite


def _across(found: Sequence[float], *, unit: bool) -> Scale:
    if unit:
        return unit_scale(LEFT, WIDTH - RIGHT)
    low, high = min(found), max(found)
    return Scale(low, high, LEFT, WIDTH - RIGHT) if high > low else fitted(found, LEFT, WIDTH - RIGHT, log=False)


def _up(found: Sequence[float], *, unit: bool, log: bool) -> Scale:
    if unit:
        return unit_scale(HEIGHT - BOTTOM, TOP)
    return fitted(found, HEIGHT - BOTTOM, TOP, log=log, room=0.04)


def _drawn(line: Line, points: Sequence[Point], across: Scale, up: Scale) -> str:
    places = _thinned([(across.at(x), up.at(y)) for x, y in points])
    path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
    drawn = svg.tag("path", class_=f"line {line.classes}", d=path) if len(places) > 1 else ""
    if len(points) > MARKED:
        return drawn
    dots = (
        svg.tag(
            "circle", svg.title(f"{line.name}: {plain(x)}, {y:.4g}"), class_=f"point {line.classes}", cx=a, cy=b, r=2.4
        )
        for (x, y), (a, b) in zip(points, [(across.at(x), up.at(y)) for x, y in points], strict=True)
    )
    return drawn + "".join(dots)


def _thinned(places: Sequence[Point], apart: float = 0.7) -> list[Point]:
    """Leaves out places that nobody could tell from the last one; ends are kept."""
    kept = [places[0]]
    for place in places[1:-1]:
        if math.dist(place, kept[-1]) >= apart:
            kept.append(place)
    return [*kept, places[-1]] if len(places) > 1 else kept


def _mark(mark: Mark, across: Scale, up: Scale, names: tuple[str, str]) -> str:
    x, y = mark.point
    told = svg.title(f"{mark.name}: {names[0]} {x:.4g}, {names[1]} {y:.4g}")
    return svg.tag("circle", told, class_=f"mark c{mark.colour % COLOURS}", cx=across.at(x), cy=up.at(y), r=5)
