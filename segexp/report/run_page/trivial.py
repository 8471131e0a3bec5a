"""Whether a model is better than predictors that have learnt nothing: one class everywhere, Otsu's threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from segexp.report import values
from segexp.runs import entries

Results = Mapping[str, Any]
Path = tuple[str, ...]


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

    By mean IoU or the Dice of the foreground; of classes of images by accuracy or balanced accuracy.

    Args:
        runs: Contents of results.json; of several runs (seeds, folds) the means are compared.
    """
    names = [name for name in _trivial(runs[0]) if all(name in _trivial(results) for results in runs)] if runs else []
    found = []
    for name in names:
        pairs = ((label, *_means(runs, name, path)) for label, path in _figures(runs[0]))
        lost = [(label, own, other) for label, own, other in pairs if own is not None and other is not None]
        lost = [figure for figure in lost if figure[1] <= figure[2]]
        found += [Beaten(name, tuple(lost))] if lost else []
    return found


def _trivial(results: Results) -> dict[str, Mapping[str, Any]]:
    """Rows of trivial predictors by name; other rows are the model or people."""
    known = {"Otsu", *(f"all {name}" for name in entries.classes_of(results))}
    return {name: row for row in entries.rows_of(results) if (name := entries.to_text(row.get("name"))) in known}


def _figures(results: Results) -> list[tuple[str, Path]]:
    if entries.task_kind(results) == entries.CLASSIFICATION:
        return [("accuracy", ("accuracy",)), ("balanced accuracy", ("balanced_accuracy",))]
    foreground = entries.foreground_of(results)
    return [("mean IoU", ("miou",)), *([(f"Dice {foreground}", ("dice", foreground))] if foreground else [])]


def _means(runs: Sequence[Results], name: str, path: Path) -> tuple[float | None, float | None]:
    """A figure of the model and of a trivial predictor over all runs; None where one of them has none."""
    rows = [(entries.model_row(results), _trivial(results)[name]) for results in runs]
    own, other = ([entries.get_in(row, "dataset", *path) for row in side] for side in zip(*rows, strict=True))
    return _mean(own), _mean(other)


def _mean(found: Sequence[object]) -> float | None:
    numbers = [
        float(value) for value in found if isinstance(value, int | float) and values.format_measure(value) != "-"
    ]
    return fmean(numbers) if len(numbers) == len(found) else None
