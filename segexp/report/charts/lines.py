"""A chart of lines over a common axis: lines that may have holes, marked points, a vertical line."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from segexp.report.charts.chart import (
    PLAIN_FORMAT,
    Chart,
    Encoding,
    LegendItem,
    drawable,
    layer,
    log_ticks,
    number_axis,
    rounded,
)  # fmt: skip
from segexp.report.charts.palette import DASHES, SOFT, series_colour

WIDTH, HEIGHT = 300, 200
TICKS = 6
"""About so many stand on the horizontal axis."""
MARKED = 30
"""Lines of so many points or fewer show them: a line through one point is invisible."""
FINEST = 1 / 300
"""Share of the axes below which two points of a line are one to the eye."""

Point = tuple[float, float]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Line:
    """A named line.

    Attributes:
        name: In the legend.
        points: From left to right; those with nan are left out.
        colour: 0.. of the palette. None: muted, for what to compare with.
        style: ``solid``, ``dashed`` or ``dotted``.
    """

    name: str
    points: Sequence[Point]
    colour: int | None = 0
    style: str = "solid"


@dataclass(frozen=True)
class MarkedPoint:
    """A point that stands out, with its name in the legend."""

    name: str
    point: Point
    colour: int = 1


def line_chart(
    title: str,
    lines: Sequence[Line],
    names: tuple[str, str],
    *,
    marks: Sequence[MarkedPoint] = (),
    upright: tuple[float, str] | None = None,
    unit: tuple[bool, bool] = (False, False),
    log: bool = False,
    log_x: bool = False,
    whole: bool = False,
    note: str = "",
    form: str = PLAIN_FORMAT,
) -> Chart | None:
    """Draw lines over each other.

    Args:
        title: What it shows.
        lines: Those without a point are left out.
        names: Of the horizontal and of the vertical axis.
        marks: Points that stand out.
        upright: Where a vertical line stands, and what is written at its upper end.
        unit: Whether the axes run from 0 to 1 whatever the values are.
        log: Whether the vertical axis is logarithmic; values that are not positive are left out.
        log_x: Whether the horizontal axis is logarithmic, a tick at each power of ten; its values are positive.
        whole: Whether the horizontal axis counts.
        note: A sentence below.
        form: How a value of the vertical axis is written (d3-format).

    Returns:
        None where there is nothing to draw.
    """
    known = [(line, found) for line in lines if (found := _known(line.points, log=log))]
    if not known:
        return None
    legend = _legend([line for line, _ in known], marks)
    by_line = [_rows(points if log_x else _thinned(points), s) for s, (_, points) in enumerate(known)]
    rows = [row for line in by_line for row in line]
    few = [row for line, (_, points) in zip(by_line, known, strict=True) if len(points) <= MARKED for row in line]
    marked = [row for n, mark in enumerate(marks) for row in _rows([mark.point], len(known) + n)]
    look = _look(legend)
    layers = [layer("line", look, strokeWidth=1.7)]
    layers += [_dots(few, look, legend, size=20)] if few else []
    layers += [_dots(marked, look, legend, size=60)] if marked else []
    layers += _upright(*upright) if upright else []
    x = number_axis("x", names[0], _scale(unit=unit[0], room=0, log=log_x), tickCount=TICKS)
    x["axis"] |= {"format": ".0e", "values": log_ticks(*_ends(row["x"] for row in rows), most=10)} if log_x else {}
    x["axis"] |= _whole_ticks([row["x"] for row in rows] + ([rounded(upright[0])] if upright else [])) if whole else {}
    y = number_axis("y", names[1], _scale(unit=unit[1], room=6, log=log), form)
    if log:
        y["axis"]["values"] = log_ticks(*_ends(row["y"] for row in rows))
    spec = {
        "width": WIDTH, "height": HEIGHT, "data": {"values": rows}, "transform": [_named(legend)],
        "encoding": {"x": x, "y": y}, "layer": layers,
    }  # fmt: skip
    summary = f"{title}: {', '.join(entry.name for entry in legend if entry.name)}"
    return Chart(title, spec, summary, tuple(legend), note, nearest=True)


def _whole_ticks(found: Sequence[float]) -> dict[str, Any]:
    """Ticks at whole numbers alone: Vega sets more than there are where the axis is short, whatever the least step."""
    low, high = _ends(found)
    ticks = {"values": list(range(math.ceil(low), math.floor(high) + 1))} if high - low < TICKS else {}
    return {"format": "d", "tickMinStep": 1, **ticks}


def _ends(found: Iterable[float]) -> tuple[float, float]:
    values = list(found)
    return min(values), max(values)


def _known(points: Sequence[Point], *, log: bool) -> list[Point]:
    found = [(x, y) for x, y in points if drawable(x) and drawable(y)]
    return [(x, y) for x, y in found if y > 0] if log else found


def _legend(lines: Sequence[Line], marks: Sequence[MarkedPoint]) -> list[LegendItem]:
    found = [LegendItem(line.name, series_colour(line.colour), line.style, s) for s, line in enumerate(lines)]
    points = enumerate(marks, start=len(lines))
    return found + [LegendItem(mark.name, series_colour(mark.colour), "point", s) for s, mark in points]


def _rows(points: Sequence[Point], series: int) -> Rows:
    return [{"x": rounded(x), "y": rounded(y), "s": series} for x, y in points]


def _thinned(points: Sequence[Point]) -> Sequence[Point]:
    """Leaves out points that nobody could tell from the last one; ends are kept."""
    if len(points) < 3:
        return points
    wide, high = (max(axis) - min(axis) or 1.0 for axis in zip(*points, strict=True))
    kept, (last_x, last_y) = [points[0]], points[0]
    for x, y in points[1:-1]:
        if ((x - last_x) / wide) ** 2 + ((y - last_y) / high) ** 2 >= FINEST**2:
            kept.append((x, y))
            last_x, last_y = x, y
    return [*kept, points[-1]]


def _scale(*, unit: bool, room: int, log: bool = False) -> dict[str, Any]:
    if unit:
        return {"domain": [-0.02, 1.02]}
    return {"padding": room, **({"type": "log"} if log else {"zero": False})}


def _named(legend: Sequence[LegendItem]) -> dict[str, Any]:
    """Gives each row the name of its series: a name is data, and never part of an expression."""
    table = [{"s": entry.series, "name": entry.name} for entry in legend]
    return {"lookup": "s", "from": {"data": {"values": table}, "key": "s", "fields": ["name"]}}


def _look(legend: Sequence[LegendItem]) -> Encoding:
    """Colour and dash by series; one legend for both."""
    names = [entry.name for entry in legend]
    below = {"orient": "bottom", "columns": 2, "symbolType": "stroke", "symbolOpacity": 1} if len(legend) > 1 else None
    ranges = {
        "color": [entry.colour for entry in legend],
        "strokeDash": [DASHES.get(entry.style, DASHES["solid"]) for entry in legend],
    }
    return {
        channel: {"field": "name", "type": "nominal", "legend": below, "scale": {"domain": names, "range": looks}}
        for channel, looks in ranges.items()
    }


def _dots(rows: Rows, look: Encoding, legend: Sequence[LegendItem], size: int) -> dict[str, Any]:
    dots = layer("circle", {"color": look["color"]}, rows, size=size, opacity=1)
    return dots | {"transform": [_named(legend)]}


def _upright(x: float, text: str) -> list[dict[str, Any]]:
    rows, soft = [{"x": rounded(x), "text": text}], {"value": SOFT}
    above = {"y": {"value": 0}, "text": {"field": "text"}, "color": soft}
    return [
        layer("rule", {"y": None, "color": soft}, rows, strokeDash=[2, 3]),
        layer("text", above, rows, dy=-6, fontSize=10),
    ]
