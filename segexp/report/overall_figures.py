"""Figures of a run that are one number for all classes: what the verdict speaks of and the gallery sorts by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.report.labels import described, order_figures
from segexp.report.values import ABSENT, format_measure
from segexp.runs import entries
from segexp.runs.text import printable, shortened

MOST_FIGURES = 60
"""Figures of a run; those of a module of a user's own may be any number."""
LONGEST_TEXT, LONGEST_MEANING = 100, 300
"""Letters of a name or label, and of what a figure is."""
MAIN = {entries.CLASSIFICATION: ("accuracy",), entries.SEGMENTATION: ("miou",), entries.RECONSTRUCTION: ("mse",)}
"""The figure that stands for a run where no other is asked for, by kind of task; of other kinds the first."""
MEANS = {"miou": "mean IoU", "mdice": "mean Dice"}
"""Means over classes that have a name of their own."""


@dataclass(frozen=True)
class OverallFigure:
    """A figure of a predictor on the test images of a run, over all classes.

    Attributes:
        name: In results.json.
        label: The same for the same figure of any run, with its unit.
        value: Finite.
        lower: Whether less is better.
        digits: Decimals: shares get four, distances and numbers of things two.
        interval: Its ends; None where none was drawn.
        meaning: What it is, in a few words; may be empty.
    """

    name: str
    label: str
    value: float
    lower: bool
    digits: int
    interval: tuple[float, float] | None = None
    meaning: str = ""


def overall_figures(results: Mapping[str, Any], row: Mapping[str, Any] | None = None) -> list[OverallFigure]:
    """Lists the figures of a predictor that are one number for all classes, the one that stands for the run first.

    Of a figure per class it is that of the second of two classes, of more classes the mean; over all counted pixels
    where there is such a figure, else the mean over images. The labels name no class: runs of several data sets stand
    in one column.

    Args:
        results: Content of results.json.
        row: Of the predictor; None: the model.
    """
    row, found = entries.model_row(results) if row is None else row, dict[str, OverallFigure]()
    for block in ("dataset", "image"):
        figures = entries.get_in(row, block)
        if not isinstance(figures, Mapping):
            continue
        names = [*(name for name in MEANS if name in figures), *order_figures(figures)][:MOST_FIGURES]
        for name in names:
            path = _path(results, figures, name)
            value = entries.get_in(figures, *path)
            if name not in found and isinstance(value, int | float) and format_measure(value) != ABSENT:
                found[name] = _figure(results, name, float(value), entries.get_in(row, "interval", block, *path))
    first = [name for name in MAIN.get(entries.task_kind(results), ()) if name in found]
    return [found.pop(name) for name in first] + list(found.values())


def _path(results: Mapping[str, Any], figures: Mapping[str, Any], name: str) -> tuple[str, ...]:
    if not isinstance(figures[name], Mapping):
        return (name,)
    foreground = entries.foreground_of(results)
    return (name, foreground) if foreground is not None else ("mean", name)


def _figure(results: Mapping[str, Any], name: str, value: float, interval: object) -> OverallFigure:
    spec = described(results, name)
    unit = f" ({spec.unit})" if 0 < len(spec.unit) <= 2 else ""
    label = shown_text(MEANS.get(name, spec.label) + unit)
    pair, meaning = _ends(interval), shown_text(spec.meaning, LONGEST_MEANING)
    return OverallFigure(name, label, value, spec.direction == "min", 2 if spec.unit else 4, pair, meaning)


def shown_text(text: str, most: int = LONGEST_TEXT) -> str:
    """A name or label of a run that anybody may have written, as one line of at most ``most`` letters."""
    return shortened(printable(text), most)


def _ends(interval: object) -> tuple[float, float] | None:
    ends = interval if isinstance(interval, list) and len(interval) == 2 else []
    known = [float(end) for end in ends if isinstance(end, int | float) and format_measure(end) != ABSENT]
    return (known[0], known[1]) if len(known) == 2 else None
