"""Parallel coordinates: one axis per key, what is reached last, a line per configuration."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segexp.report.charts.chart import Chart, Encoding, LegendItem, far_apart, halo_text, layer, number_axis, rounded
from segexp.report.charts.palette import INK, SOFT

HEIGHT, NARROWEST = 290, 150
"""Height of the axes, and the distance of two of them."""
FEWEST_APART = 0.05
"""Share of an axis below which two labels would touch."""
ABSENT_BELOW = 0.12
"""Share of an axis that is left for configurations that lack its key."""
LONGEST = 20
"""Letters of a label."""
# Okabe and Ito's orange and blue, told apart by colour-blind people, over a grey that shows on light and dark.
WORST, MIDDLE, BEST = "#d55e00", "#96969b", "#0072b2"
BEST_LINE, OTHERS = 0, 1
"""Series."""


@dataclass(frozen=True)
class Axis:
    """An axis of a parallel-coordinates chart, with places from 0 at the bottom to 1.

    Attributes:
        name: Above it.
        places: Of each configuration.
        labels: Texts with their places.
    """

    name: str
    places: Sequence[float]
    labels: Sequence[tuple[str, float]]


def value_axis(name: str, values: Sequence[Any], texts: Sequence[str], absent: str) -> Axis:
    """Numbers by size, words one above the other; what a configuration lacks is at the bottom.

    Args:
        name: Above the axis.
        values: Of each configuration; numbers where all are.
        texts: The same as text.
        absent: The text of a value that is not there.
    """
    there = {text: value for text, value in zip(texts, values, strict=True) if text != absent}
    bottom = {absent: 0.0} if len(there) < len(set(texts)) else {}
    lowest = ABSENT_BELOW if bottom else 0.0
    numbers = {text: float(value) for text, value in there.items() if _is_number(value)}
    if len(there) > 1 and len(numbers) == len(there):
        places = _by_size(numbers, lowest)
    else:
        places = _in_a_row(list(there), lowest)
    places |= bottom
    return Axis(name, [places[text] for text in texts], _apart(sorted(places.items(), key=lambda pair: pair[1])))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _in_a_row(words: Sequence[str], lowest: float) -> dict[str, float]:
    """The first on top; a single one in the middle."""
    if len(words) == 1:
        return {words[0]: (1 + lowest) / 2}
    step = (1 - lowest) / max(1, len(words) - 1)
    return {word: 1 - step * number for number, word in enumerate(words)}


def _by_size(numbers: Mapping[str, float], lowest: float) -> dict[str, float]:
    low, high = min(numbers.values()), max(numbers.values())
    by = math.log if far_apart(low, high) else float
    spread = by(high) - by(low) or 1.0
    return {
        text: lowest + 0.04 + (1 - lowest - 0.08) * (by(value) - by(low)) / spread for text, value in numbers.items()
    }


def _apart(labels: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """Leaves out labels that would lie on the one below."""
    kept: list[tuple[str, float]] = []
    for label in labels:
        if not kept or label[1] - kept[-1][1] >= FEWEST_APART:
            kept.append(label)
    return kept


def parallel_chart(
    names: Sequence[str], axes: Sequence[Axis], reached: Sequence[float], measure: str, *, lower: bool
) -> Chart:
    """Draw a line per configuration through its values.

    Args:
        names: Of the configurations.
        axes: One per key, with a place for each configuration.
        reached: What each configuration reaches, the last axis.
        measure: What that is.
        lower: Whether less of it is better.
    """
    every = [*axes, value_axis(measure, list(reached), [f"{value:.4g}" for value in reached], "")]
    best = (min if lower else max)(range(len(names)), key=lambda number: reached[number])
    rows = [
        {
            "axis": at, "y": rounded(axis.places[number]), "line": number, "value": rounded(reached[number]),
            "s": BEST_LINE if number == best else OTHERS, "told": f"{name}: {reached[number]:.4f}",
        }
        for number, name in enumerate(names) for at, axis in enumerate(every)
    ]  # fmt: skip
    x = {"field": "axis", "type": "ordinal", "axis": None, "scale": {"type": "point", "padding": 0.5}}
    y = number_axis("y", "", {"domain": [0, 1]}) | {"axis": None}
    spec = {
        "width": NARROWEST * len(every), "height": HEIGHT, "data": {"values": rows}, "encoding": {"x": x, "y": y},
        "layer": [layer("line", _look(lower), interpolate="monotone", opacity=0.8), *_axes(every)],
    }  # fmt: skip
    legend = (LegendItem("best", BEST, "solid", BEST_LINE), LegendItem("others", MIDDLE, "solid", OTHERS))
    summary = f"{', '.join(axis.name for axis in axes)} and {measure}"
    return Chart(summary, spec, summary, legend, zoom=())


def _look(lower: bool) -> Encoding:
    """A line per configuration, orange for the worst, blue for the best, which is drawn bold."""
    colours = [BEST, MIDDLE, WORST] if lower else [WORST, MIDDLE, BEST]
    widths = {"domain": [BEST_LINE, OTHERS], "range": [3.5, 1.6]}
    return {
        "detail": {"field": "line", "type": "nominal"},
        "color": {
            "field": "value", "type": "quantitative", "legend": None,
            "scale": {"range": colours, "interpolate": "rgb", "zero": False},
        },
        "strokeWidth": {"field": "s", "type": "ordinal", "legend": None, "scale": widths},
    }  # fmt: skip


def _axes(axes: Sequence[Axis]) -> list[dict[str, Any]]:
    """Upright lines with names above them and labels beside them; lines run behind the labels."""
    heads = [{"axis": at, "y": 1.0, "end": 0.0, "label": axis.name} for at, axis in enumerate(axes)]
    labels = [
        {"axis": at, "y": rounded(place), "label": _shortened(text)}
        for at, axis in enumerate(axes)
        for text, place in axis.labels
    ]
    return [
        layer("rule", {"y2": {"field": "end"}}, heads, color=SOFT),
        *halo_text(labels, align="left", dx=7, color=INK),
        layer("text", {"text": {"field": "label"}}, heads, dy=-14, fontWeight=600, color=INK, limit=NARROWEST - 8),
    ]


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 7]}…{text[-6:]}"
