"""The confusion matrix as a table whose cells are shaded by their share."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.report import values
from segexp.runs import entries

MANY_CLASSES = 30


@dataclass(frozen=True)
class Share:
    """A cell: share of the pixels or images of the true class (0..1, None where it has none), their number, as text."""

    share: float | None
    text: str
    count: str


@dataclass(frozen=True)
class ConfusionTable:
    """Rows are the truth, columns the prediction."""

    classes: list[str]
    rows: list[tuple[str, list[Share]]]


def confusion_table(results: Mapping[str, Any], most: int = MANY_CLASSES) -> ConfusionTable | None:
    """The table of the counts in results.json; None where they are missing, or of more than ``most`` classes."""
    classes, counts = entries.classes_of(results), results.get("confusion")
    if not isinstance(counts, list) or len(counts) != len(classes) or not 0 < len(classes) <= most:
        return None
    return ConfusionTable(classes, [(name, _row(line)) for name, line in zip(classes, counts, strict=True)])


def counted_unit(results: Mapping[str, Any]) -> str:
    """Says what the counts are of: ``images`` or ``pixels``."""
    return "images" if entries.task_kind(results) == entries.CLASSIFICATION else "pixels"


def _row(counts: list[int]) -> list[Share]:
    total = sum(counts)
    return [
        Share(count / total, f"{100 * count / total:.1f} %", values.format_count(count))
        if total
        else Share(None, values.ABSENT, values.format_count(count))
        for count in counts
    ]
