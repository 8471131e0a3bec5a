"""A row per name: its value with an interval, over dots of what it was made of."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from segexp.report.charts.chart import Chart, LegendItem, drawable, layer, number_axis, rounded
from segexp.report.charts.palette import INK, PAPER, SERIES, SOFT

WIDTH = 320
TALL, LOW = 40, 26
"""Height of a row with dots, and of one without."""
BINS, MOST = 90, 5
"""Dots of one of so many bins stand above each other, so many at most."""
LABEL, HEAD, TAIL = 40, 25, 14
"""Letters of a row's name that are shown, and of a longer one those at its beginning and at its end."""
DOT, VALUE = 0, 1
"""Series of the dots, and of the values with their intervals."""


@dataclass(frozen=True)
class Interval:
    """A row of the chart.

    Attributes:
        name: Of the row; no two have the same.
        value: None where there is none.
        ends: Of the interval; None where there is none.
        told: What the pointer tells of the value.
        dots: What the pointer tells of each dot, and its value.
        colour: Of the value and its interval.
    """

    name: str
    value: float | None
    ends: tuple[float, float] | None
    told: str
    dots: Sequence[tuple[str, float]] = ()
    colour: str = SERIES[0]

    @property
    def numbers(self) -> list[float]:
        """All that has a place on the axis."""
        found = (self.value, *(self.ends or ()), *(value for _, value in self.dots))
        return [number for number in found if number is not None and drawable(number)]


def interval_chart(
    title: str,
    rows: Sequence[Interval],
    legend: tuple[str, str],
    *,
    axis: str = "",
    highest: float | None = None,
    zero: bool = False,
) -> Chart | None:
    """Draw values with their intervals below each other.

    Args:
        title: What it shows.
        rows: From top to bottom.
        legend: What a dot is, and what a value with its interval is.
        axis: Name of the horizontal axis.
        highest: Where the axis ends; None: where the values do.
        zero: Whether a line stands at zero.

    Returns:
        None where no row has a value or a dot.
    """
    known = [number for row in rows for number in row.numbers]
    if not known:
        return None
    known += [0.0] if zero else []
    low, high = min(known), max(known) if highest is None else highest
    room = 0.04 * (high - low) or 0.5
    domain = [rounded(low - room), rounded(high + room) if highest is None else high]
    summary = f"{title}: {', '.join(f'{row.name} {row.told}'.strip() for row in rows)}"
    names = _labels([row.name for row in rows])
    labelled = list(zip(names, rows, strict=True))
    dots = [dot for name, row in labelled for dot in _dots(name, row, low, high)]
    x = number_axis("x", axis, {"domain": domain})
    y = {
        "field": "row", "type": "nominal", "title": None, "scale": {"domain": names},
        "axis": {"grid": False, "labelColor": INK, "labelLimit": 260},
    }  # fmt: skip
    spec = {
        "width": WIDTH, "height": (TALL if dots else LOW) * len(rows), "encoding": {"x": x, "y": y},
        "layer": [*_zero(zero), *_dot_layer(dots), *_value_layers(labelled, x), *_absent(labelled, domain[1])],
    }  # fmt: skip
    entries = [LegendItem(legend[DOT], SOFT, "point", DOT)] if dots else []
    entries.append(LegendItem(legend[VALUE], SERIES[0], "point", VALUE))
    return Chart(title, spec, summary, tuple(entries), zoom=("x",))


def _labels(names: Sequence[str]) -> list[str]:
    """Names cut in the middle, since those of configurations often differ in their end; whole where two would clash."""
    short = [name if len(name) <= LABEL else f"{name[:HEAD]}…{name[-TAIL:]}" for name in names]
    return short if len(set(short)) == len(short) else list(names)


def _zero(wanted: bool) -> list[dict[str, Any]]:
    return [layer("rule", {"y": None}, [{"x": 0.0}], color=SOFT)] if wanted else []


def _dot_layer(dots: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    lift = {"field": "level", "type": "quantitative", "scale": {"domain": [-MOST, MOST + 1]}, "axis": None}
    return [layer("circle", {"yOffset": lift}, dots, size=15, color=SOFT, opacity=0.55)] if dots else []


def _value_layers(rows: Sequence[tuple[str, Interval]], x: dict[str, Any]) -> list[dict[str, Any]]:
    values = [_value(name, row, row.value) for name, row in rows if row.value is not None and drawable(row.value)]
    colour = {"color": {"field": "colour", "type": "nominal", "scale": None}}
    ends = {**colour, "x": x | {"field": "low"}, "x2": {"field": "high"}}
    return [
        layer("rule", ends, [value for value in values if "low" in value], strokeWidth=2.4, strokeCap="round"),
        layer("circle", colour, values, size=65, opacity=1, stroke=PAPER, strokeWidth=1.2),
    ]


def _absent(rows: Sequence[tuple[str, Interval]], end: float) -> list[dict[str, Any]]:
    lines = [{"row": name, "x": end, "text": row.told, "s": VALUE} for name, row in rows if row.value is None]
    return [layer("text", {"text": {"field": "text"}}, lines, align="right", color=SOFT)] if lines else []


def _value(name: str, row: Interval, value: float) -> dict[str, Any]:
    text = f"{row.name}: {row.told}"
    found = {"row": name, "x": rounded(value), "s": VALUE, "told": text, "colour": row.colour}
    if row.ends is not None and all(map(drawable, row.ends)):
        found |= {"low": rounded(row.ends[0]), "high": rounded(row.ends[1])}
    return found


def _dots(name: str, row: Interval, low: float, high: float) -> list[dict[str, Any]]:
    """Dots from left to right, those of one bin above each other."""
    taken: Counter[int] = Counter()
    found = []
    for text, value in sorted((dot for dot in row.dots if drawable(dot[1])), key=lambda dot: dot[1]):
        place = round(BINS * (value - low) / ((high - low) or 1.0))
        taken[place] += 1
        level = -min(taken[place], MOST + 1)
        found.append({"row": name, "x": rounded(value), "level": level, "s": DOT, "told": text})
    return found
