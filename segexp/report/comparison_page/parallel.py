"""Parallel coordinates: one axis per varied key, the measure last, a line per configuration."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from segexp.report.charts import svg
from segexp.report.charts.label_places import LETTER
from segexp.report.charts.scale import Scale, fitted
from segexp.report.comparison_page.settings import ABSENT, text_of
from segexp.runs.text import shortened

WIDTH, HEIGHT = 860.0, 340.0
NARROWEST = 150.0
"""Between two axes: with many, the drawing grows."""
RIGHT, TOP, BOTTOM = 64.0, 40.0, 22.0
MOST_KEYS = 8
FEWEST = 3
LONGEST = 20
"""Letters of a value beside an axis."""
APART = 14.0
"""Least distance of two labels of an axis."""
# Okabe and Ito's orange and blue, told apart by colour-blind people, over a grey that shows on light and dark.
WORST, MIDDLE, BEST = (213, 94, 0), (150, 150, 155), (0, 114, 178)


@dataclass(frozen=True)
class Line:
    """A configuration: its values by key, and what it reaches."""

    name: str
    settings: Mapping[str, Any]
    value: float


@dataclass(frozen=True)
class Axis:
    """Places of the values of a key.

    Attributes:
        places: Height by value as text.
        labels: Texts with their heights.
    """

    places: Mapping[str, float]
    labels: Sequence[tuple[str, float]]


def parallel(lines: Sequence[Line], names: Mapping[str, str], measure: str, *, lower: bool) -> str | None:
    """An SVG drawing; None where there are too few configurations to see anything, or nothing varies.

    Args:
        lines: Configurations with a value.
        names: What stands above the axis of each varied key; no more than :data:`MOST_KEYS` are drawn.
        measure: Name of the last axis.
        lower: Whether less of it is better.
    """
    keys = [key for key in names if len({text_of(line.settings.get(key)) for line in lines}) > 1][:MOST_KEYS]
    if len(lines) < FEWEST or not keys:
        return None
    bottom = HEIGHT - BOTTOM
    axes = [axis([line.settings.get(key, ABSENT) for line in lines], bottom, TOP) for key in keys]
    left = 16 + LETTER * max(len(_short(label)) for label, _ in axes[0].labels)
    gap = max(NARROWEST, (WIDTH - left - RIGHT) / len(keys))
    across = [left + gap * number for number in range(len(keys) + 1)]
    last = fitted([line.value for line in lines], bottom, TOP, log=False)
    content = ""
    best = min(lines, key=lambda line: line.value if lower else -line.value)
    for line in sorted(lines, key=lambda line: line.value, reverse=lower):
        heights = [one.places[text_of(line.settings.get(key, ABSENT))] for one, key in zip(axes, keys, strict=True)]
        content += _curve(
            line, across, [*heights, last.at(line.value)], _colour(line.value, lines, lower), line is best
        )
    for number, (x, key, one) in enumerate(zip(across, keys, axes, strict=False)):
        content += _axis(x, names[key], one.labels, left=number == 0)
    ticks = [(f"{tick:.4g}", last.at(tick)) for tick in last.ticks()]
    content += _axis(across[-1], measure, ticks, left=False)
    return svg.drawing(content, across[-1] + RIGHT, HEIGHT, f"varied keys and {measure}")


def axis(found: Sequence[Any], bottom: float, top: float) -> Axis:
    """Numbers by size, words one above the other; a key that a configuration lacks is at the bottom."""
    there = [value for value in found if value != ABSENT]
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in there)
    lowest = bottom - (0.12 * (bottom - top) if len(there) < len(found) else 0.0)
    absent = {ABSENT: bottom} if len(there) < len(found) else {}
    if numbers and len(set(there)) > 1:
        scale = fitted([float(value) for value in there], lowest, top, room=0.04)
        places = {text_of(value): scale.at(float(value)) for value in there} | absent
        return Axis(places, _number_labels(places, scale) + list(absent.items()))
    names = list(dict.fromkeys(text_of(value) for value in there))
    step = (lowest - top) / max(1, len(names) - 1)
    places = (
        {name: top + step * number for number, name in enumerate(names)}
        if len(names) > 1
        else {names[0]: (lowest + top) / 2}
    )
    places |= absent
    return Axis(places, list(places.items()))


def _number_labels(places: Mapping[str, float], scale: Scale) -> list[tuple[str, float]]:
    """The values themselves where there is room for all of them, else round ticks."""
    own = sorted(places.items(), key=lambda pair: pair[1])
    own = [pair for pair in own if pair[0] != ABSENT]
    if all(after[1] - before[1] >= APART for before, after in itertools.pairwise(own)):
        return own
    return [(f"{tick:.4g}", scale.at(tick)) for tick in scale.ticks()]


def _curve(line: Line, across: Sequence[float], heights: Sequence[float], colour: str, best: bool) -> str:
    path = f"M{across[0]:.1f} {heights[0]:.1f}"
    for before, after, start, end in zip(across, across[1:], heights, heights[1:], strict=False):
        bend = (after - before) / 2
        path += f"C{before + bend:.1f} {start:.1f} {after - bend:.1f} {end:.1f} {after:.1f} {end:.1f}"
    told = svg.title(f"{line.name}: {line.value:.4f}")
    return svg.tag("path", told, class_="line best" if best else "line", d=path, stroke=colour)


def _colour(value: float, lines: Sequence[Line], lower: bool) -> str:
    """Orange for the worst, blue for the best."""
    low, high = min(line.value for line in lines), max(line.value for line in lines)
    place = 1.0 if high == low else (value - low) / (high - low)
    place = 1 - place if lower else place
    start, end = (WORST, MIDDLE) if place < 0.5 else (MIDDLE, BEST)
    share = place * 2 % 1 if place < 1 else 1.0
    return "#" + "".join(f"{round(one + (other - one) * share):02x}" for one, other in zip(start, end, strict=True))


def _short(label: str) -> str:
    return shortened(label, LONGEST)


def _axis(x: float, name: str, labels: Sequence[tuple[str, float]], *, left: bool) -> str:
    content = svg.tag("line", class_="spine", x1=x, x2=x, y1=TOP, y2=HEIGHT - BOTTOM)
    content += svg.text(name, x, TOP - 18, text_anchor="middle", class_="axis")
    for label, y in labels:
        anchor = "end" if left else "start"
        content += svg.text(_short(label), x + (-8 if left else 8), y + 4, text_anchor=anchor, class_="tick")
    return content
