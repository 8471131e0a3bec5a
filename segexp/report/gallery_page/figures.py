"""Figures of a run that the gallery of all runs shows and sorts by."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.report.labels import described, order_figures
from segexp.report.values import ABSENT, format_measure
from segexp.runs import entries

MOST_FIGURES = 60
"""Figures of a run; those of a module of a user's own may be any number."""
MAIN = {entries.CLASSIFICATION: ("accuracy",), entries.SEGMENTATION: ("miou",)}
"""The figure that stands for a run where no other is asked for, by kind of task; of other kinds the first."""
MEANS = {"miou": "mean IoU", "mdice": "mean Dice"}
"""Means over classes that have a name of their own."""


@dataclass(frozen=True)
class OverallFigure:
    """A figure of the model on the test images of a run, over all classes.

    Attributes:
        label: The same for the same figure of any run, with its unit.
        value: Finite.
        lower: Whether less is better.
        digits: Decimals: shares get four, distances and numbers of things two.
    """

    label: str
    value: float
    lower: bool
    digits: int


def overall_figures(results: Mapping[str, Any]) -> list[OverallFigure]:
    """Lists the figures of the model that are one number for all classes, the one that stands for the run first.

    Of a figure per class it is that of the second of two classes, of more classes the mean; over all counted pixels
    where there is such a figure, else the mean over images. The labels name no class: runs of several data sets stand
    in one column.

    Args:
        results: Content of results.json.
    """
    row, found = entries.model_row(results), dict[str, OverallFigure]()
    for block in ("dataset", "image"):
        figures = entries.get_in(row, block)
        if not isinstance(figures, Mapping):
            continue
        names = [*(name for name in MEANS if name in figures), *order_figures(figures)][:MOST_FIGURES]
        for name in names:
            value = _overall(results, figures, name)
            if value is not None and name not in found:
                found[name] = _figure(results, name, value)
    first = [name for name in MAIN.get(entries.task_kind(results), ()) if name in found]
    return [found.pop(name) for name in first] + list(found.values())


def _overall(results: Mapping[str, Any], figures: Mapping[str, Any], name: str) -> float | None:
    value = figures[name]
    if isinstance(value, Mapping):
        foreground = entries.foreground_of(results)
        value = value.get(foreground) if foreground is not None else entries.get_in(figures, "mean", name)
    return float(value) if isinstance(value, int | float) and format_measure(value) != ABSENT else None


def _figure(results: Mapping[str, Any], name: str, value: float) -> OverallFigure:
    spec = described(results, name)
    unit = f" ({spec.unit})" if 0 < len(spec.unit) <= 2 else ""
    return OverallFigure(MEANS.get(name, spec.label) + unit, value, spec.direction == "min", 2 if spec.unit else 4)
