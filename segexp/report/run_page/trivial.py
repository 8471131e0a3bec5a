"""Whether a model is better than predictors that have learnt nothing: one class everywhere, Otsu's threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from segexp.report import values
from segexp.runs import entries

Results = Mapping[str, Any]
Path = tuple[str, ...]
MEAN_IMAGES = ("mean training image", "mean colour of the training images")
"""Trivial predictors of a reconstruction: the same for every image."""


@dataclass(frozen=True)
class Beaten:
    """A trivial predictor that is at least as good as the model.

    Attributes:
        name: Of the predictor.
        figures: Name, value of the model and of the predictor, of each figure in which it is.
    """

    name: str
    figures: tuple[tuple[str, float, float], ...]

    @property
    def verdict(self) -> str:
        """``worse than Otsu``; ``no better than all background`` where figures are equal."""
        equal = all(own == other for _, own, other in self.figures)
        return f"{'no better' if equal else 'worse'} than {self.name}"

    def __str__(self) -> str:
        text = ", ".join(f"{name} {own:.4f} against {other:.4f}" for name, own, other in self.figures)
        return f"{self.verdict} ({text})"


def beaten_by(runs: Sequence[Results]) -> list[Beaten]:
    """Trivial predictors that are at least as good as the model on the test images.

    By mean IoU or the Dice of the foreground; of classes of images by accuracy or balanced accuracy; of images that
    come back by the mean squared error.

    Args:
        runs: Contents of results.json; of several runs (seeds, folds) the means are compared.
    """
    trivial = [trivial_rows(results) for results in runs]
    names = [name for name in trivial[0] if all(name in rows for rows in trivial)] if runs else []
    lower = bool(runs) and entries.task_kind(runs[0]) == entries.RECONSTRUCTION
    found = []
    for name in names:
        pairs = ((label, *_means(runs, name, path)) for label, path in _figures(runs[0]))
        lost = [(label, own, other) for label, own, other in pairs if own is not None and other is not None]
        lost = [(label, own, other) for label, own, other in lost if (other <= own if lower else own <= other)]
        found += [Beaten(name, tuple(lost))] if lost else []
    return found


def trivial_rows(results: Results) -> dict[str, Mapping[str, Any]]:
    """Selects the rows of trivial predictors by name; other rows are the model or people."""
    known = {"Otsu", *MEAN_IMAGES, *(f"all {name}" for name in entries.classes_of(results))}
    return {name: row for row in entries.rows_of(results) if (name := entries.to_text(row.get("name"))) in known}


def _figures(results: Results) -> list[tuple[str, Path]]:
    if entries.task_kind(results) == entries.CLASSIFICATION:
        return [("accuracy", ("accuracy",)), ("balanced accuracy", ("balanced_accuracy",))]
    if entries.task_kind(results) == entries.RECONSTRUCTION:
        return [("MSE", ("mse",))]
    foreground = entries.foreground_of(results)
    return [("mean IoU", ("miou",)), *([(f"Dice {foreground}", ("dice", foreground))] if foreground else [])]


def _means(runs: Sequence[Results], name: str, path: Path) -> tuple[float | None, float | None]:
    """A figure of the model and of a trivial predictor over all runs; None where one of them has none."""
    rows = [(entries.model_row(results), trivial_rows(results)[name]) for results in runs]
    own, other = ([entries.get_in(row, "dataset", *path) for row in side] for side in zip(*rows, strict=True))
    return _mean(own), _mean(other)


def _mean(found: Sequence[object]) -> float | None:
    numbers = [
        float(value) for value in found if isinstance(value, int | float) and values.format_measure(value) != "-"
    ]
    return fmean(numbers) if len(numbers) == len(found) else None
