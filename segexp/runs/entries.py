"""Entries of run.json and results.json, which may lack any of them: what is missing or of another kind is empty."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

SEGMENTATION, CLASSIFICATION, RECONSTRUCTION = "segmentation", "classification", "reconstruction"
LOGGED = "logged"
"""Kind of the results of a LightningModule of the user's own: what it logs."""


def to_text(value: object) -> str:
    """Turns a text or number into text; None becomes an empty text."""
    return "" if value is None else str(value)


def to_time(value: object) -> datetime | None:
    """The time of day that an entry tells, in UTC where it names no zone; None: it tells none."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def get_in(tree: object, *keys: str) -> object:
    """Looks up the value at a path of keys; None as soon as a key is missing or its value is no mapping."""
    for key in keys:
        if not isinstance(tree, Mapping):
            return None
        tree = tree.get(key)
    return tree


def task_kind(results: Mapping[str, Any]) -> str:
    """Gives the kind of task; results of version 0.1 do not say that they are of a segmentation."""
    return to_text(results.get("kind")) or SEGMENTATION


def rows_of(results: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The rows of results.json that are mappings, the model's first in its own order."""
    rows = results.get("rows")
    return [row for row in rows if isinstance(row, Mapping)] if isinstance(rows, list) else []


def model_row(results: Mapping[str, Any]) -> Mapping[str, Any]:
    """The row named ``model``, else the first, else an empty one."""
    rows = rows_of(results)
    return next((row for row in rows if row.get("name") == "model"), rows[0] if rows else {})


def classes_of(results: Mapping[str, Any]) -> list[str]:
    """Class names of the task, else those that the model's IoU names, in order."""
    named = get_in(results, "task", "classes")
    if isinstance(named, list):
        return [str(name) for name in named]
    measured = get_in(model_row(results), "dataset", "iou")
    return [str(name) for name in measured] if isinstance(measured, Mapping) else []


def foreground_of(results: Mapping[str, Any]) -> str | None:
    """The second of two classes; None for more."""
    names = classes_of(results)
    return names[1] if len(names) == 2 else None
