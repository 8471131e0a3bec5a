"""Figures of others beside those of a run: what a preset reproduces is seen at a glance."""

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.tasks.log_names import headline


def reference_entries(experiment: Experiment, content: Mapping[str, Any], metrics: Path) -> list[dict[str, Any]]:
    """Gives the entries of ``references`` in results.json: ``figure``, ``reference``, ``found`` and ``from``.

    A figure of a test is that of the row ``references_row`` over all test images; one of training or validation is that
    of the last epoch, or, where the reference is a list, of the epochs that it has.

    Args:
        experiment: Its ``references``.
        content: Of results.json.
        metrics: The file metrics.csv.
    """
    references = experiment.references or {}
    tested, logged = headline(content, experiment.references_row), _columns(metrics, references)
    return [
        {
            "figure": name,
            "reference": value,
            "found": tested.get(name) if name.startswith("test/") else _of_epochs(logged.get(name, []), value),
            "from": experiment.references_from or "",
        }
        for name, value in references.items()
    ]


def _of_epochs(values: list[float | None], reference: float | list[float]) -> Any:
    if isinstance(reference, list):
        return values[: len(reference)]
    return values[-1] if values else None


def _columns(path: Path, names: Mapping[str, object]) -> dict[str, list[float | None]]:
    """Columns of metrics.csv; None where an epoch has no value."""
    with path.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return {name: [_number(row[name]) for row in rows] for name in names if rows and name in rows[0]}


def _number(text: str | None) -> float | None:
    value = float(text) if text else math.nan
    return value if math.isfinite(value) else None
