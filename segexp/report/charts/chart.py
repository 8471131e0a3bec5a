"""What a chart is: a specification of Vega-Lite, and what a page writes around it."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from segexp.report.charts.palette import PAPER

Encoding = dict[str, Any]
"""Channels of a mark and what they show, as Vega-Lite has them."""
LARGEST = 1e150
"""Numbers beyond it have no place on an axis: the range of two of them may be none."""
LOG_FROM_RATIO = 8.0
"""From this ratio of highest to lowest an axis of positive numbers may be logarithmic."""
PLAIN_FORMAT, SI_FORMAT = ".4~g", ".3~s"
"""Formats of numbers (d3-format): four digits, or three with a letter for thousands."""


@dataclass(frozen=True)
class LegendItem:
    """A line of the legend; on a page it switches its series off and on.

    Attributes:
        name: What is drawn so.
        colour: A colour of :data:`segexp.report.charts.palette.LIGHT`.
        style: ``solid``, ``dashed``, ``dotted``, ``point`` or ``ring``.
        series: Number of the series, the column ``s`` of its data.
    """

    name: str
    colour: str
    style: str
    series: int


@dataclass(frozen=True)
class Chart:
    """A figure: the same definition is drawn on a page and into files.

    Attributes:
        title: What it shows.
        spec: The drawing, as Vega-Lite has it (https://vega.github.io/vega-lite/docs/): width, height, data, layers.
            Texts from elsewhere stand in data, titles and domains alone, never in an expression (``filter``, ``test``,
            ``labelExpr``, ``expr``), which is a program. A column ``s`` of the data is the number of the series, a
            column ``told`` what the pointer tells.
        summary: What it shows, for readers who cannot see it.
        legend: Names of the series; those of a file are made from ``spec``.
        note: A sentence below; may be empty.
        nearest: Whether the pointer tells the value of the nearest point, and not only that below it.
        zoom: Axes that can be zoomed.
    """

    title: str
    spec: Mapping[str, Any]
    summary: str
    legend: tuple[LegendItem, ...] = ()
    note: str = ""
    nearest: bool = False
    zoom: tuple[str, ...] = ("x", "y")

    @property
    def height(self) -> int:
        """Height of the axes in pixels."""
        return int(self.spec["height"])

    def with_texts(self, change: Callable[[str], str]) -> "Chart":
        """The chart with every text changed, for example without letters that nobody sees."""
        legend = tuple(replace(entry, name=change(entry.name)) for entry in self.legend)
        title, summary, note = (change(text) for text in (self.title, self.summary, self.note))
        return replace(self, spec=_changed(self.spec, change), legend=legend, title=title, summary=summary, note=note)


def _changed(tree: Any, change: Callable[[str], str]) -> Any:
    if isinstance(tree, Mapping):
        # most are numbers, of which a page has thousands
        return {key: value if type(value) is float else _changed(value, change) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_changed(value, change) for value in tree]
    return change(tree) if isinstance(tree, str) else tree


def halo_text(rows: Sequence[Mapping[str, Any]], field: str = "label", **look: Any) -> list[dict[str, Any]]:
    """Two layers of one text, the lower one wide in the colour of the paper: lines run behind it."""
    text = {"text": {"field": field}}
    halo = {"stroke": PAPER, "strokeWidth": 4, "strokeJoin": "round"}
    return [layer("text", text, rows, aria=False, **look, **more) for more in (halo, {})]


def layer(
    mark: str, encoding: Encoding, rows: Sequence[Mapping[str, Any]] | None = None, **look: Any
) -> dict[str, Any]:
    """A layer of a drawing.

    Args:
        mark: ``line``, ``circle``, ``rule``, ``text`` or ``rect``.
        encoding: Channels beside those that all layers share.
        rows: Its own data; None: that of the chart.
        look: Properties of the mark.
    """
    data = {} if rows is None else {"data": {"values": list(rows)}}
    return {**data, "mark": {"type": mark, **look}, "encoding": encoding}


def number_axis(field: str, title: str, scale: Mapping[str, Any], form: str = PLAIN_FORMAT, **look: Any) -> Encoding:
    """The channel of an axis of numbers, without a title where that is empty."""
    return {
        "field": field, "type": "quantitative", "title": title or None, "scale": {"nice": False, **scale},
        "axis": {"format": form, "tickCount": 5, **look},
    }  # fmt: skip


def far_apart(low: float, high: float) -> bool:
    """Returns whether values from ``low`` to ``high`` are read best by their logarithm."""
    return low > 0 and high / low >= LOG_FROM_RATIO


def log_ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round values of a logarithmic axis, from 1, 2 and 5 times powers of ten to those powers alone."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1, 2, 5), (1, 3), (1,)):
        found = [rounded(factor * 10.0**power) for power in powers for factor in factors]
        found = [value for value in found if low <= value <= high]
        if len(found) <= most:
            break
    return found


def drawable(value: float | None) -> bool:
    """Returns whether a value has a place on an axis."""
    return value is not None and math.isfinite(value) and abs(value) < LARGEST


def rounded(value: float) -> float:
    """A number with five digits: more can be seen in no chart, and pages would be larger."""
    return float(f"{value:.5g}")
