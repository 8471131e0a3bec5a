"""Kinds of the entries of run.json and results.json, checked so that a page need not doubt them.

Entries may be missing or null, and others may be there: files of older and later versions are read too.
"""

from collections.abc import Mapping
from typing import Any

ANY, TEXT, NUMBER, WHOLE = "anything", "text", "a number", "a whole number"
Shape = Any
"""A word above; ``[shape]``: a list of such; ``{name: shape}``: an object, ``"*"`` is every other entry of it."""

OBJECT: Shape = {}
OBJECTS: Shape = {"*": OBJECT}
_ROW: Shape = {
    "name": TEXT, "note": TEXT, "dataset": OBJECT, "image": OBJECT,
    "interval": {"dataset": OBJECT, "image": OBJECT}, "groups": OBJECTS,
}  # fmt: skip
_PANEL: Shape = {
    "file": TEXT, "layers": TEXT, "image": TEXT, "rank": TEXT, "size": [WHOLE], "figures": OBJECT,
}  # fmt: skip
RESULTS: Shape = {
    "task": {"datamodule": TEXT, "classes": [TEXT], "colours": [[WHOLE]], "where": TEXT, "tta": TEXT},
    "inference": OBJECT,
    "checkpoint": {"path": TEXT, "monitor": TEXT, "mode": TEXT, "epoch": WHOLE, "value": NUMBER},
    "threshold": {"value": NUMBER, "rule": TEXT, "chosen_on": TEXT},
    "split": OBJECT,
    "averaging": OBJECT,
    "units": {"*": TEXT},
    "directions": {"*": TEXT},
    "labels": {"*": TEXT},
    "meanings": {"*": TEXT},
    "rows": [_ROW],
    "confusion": [[WHOLE]],
    "reliability": {"*": {"probability": [NUMBER], "share": [NUMBER], "pixels": [NUMBER]}},
    "panels": [_PANEL],
    "notes": [TEXT],
}
RUN: Shape = {
    "name": TEXT, "state": TEXT, "started": TEXT, "overrides": [TEXT], "choices": OBJECT, "model": OBJECT,
    "data": OBJECT, "git": OBJECT, "versions": OBJECT, "machine": OBJECT, "speed": OBJECT, "test": OBJECT,
    "not_made": [{"*": TEXT}], "seconds": NUMBER, "train_seconds": NUMBER,
}  # fmt: skip
CLASSES = 256
"""A mask has no more values."""


def find_problem(tree: Any, shape: Shape, place: str = "") -> str:
    """Describes the first entry that is of another kind than expected; empty where all is well.

    Args:
        tree: Read from JSON.
        shape: What is expected.
        place: Name of the entry.
    """
    if tree is None or shape == ANY:
        return ""
    if isinstance(shape, Mapping):
        if not isinstance(tree, Mapping):
            return _mismatch(place, tree, "an object")
        known = ((key, value, shape.get(key, shape.get("*", ANY))) for key, value in tree.items())
        found = (find_problem(value, inner, f"{place}.{key}".lstrip(".")) for key, value, inner in known)
        return next(filter(None, found), "")
    if isinstance(shape, list):
        if not isinstance(tree, list):
            return _mismatch(place, tree, "a list")
        found = (find_problem(value, shape[0], f"{place}[{number}]") for number, value in enumerate(tree))
        return next(filter(None, found), "")
    return "" if _is(tree, shape) else _mismatch(place, tree, shape)


def find_results_problem(results: Mapping[str, Any]) -> str:
    """Describes the first problem of results.json, also in entries that must fit each other; empty where all is well.

    Beside the kinds: number of classes, colours of three bytes, a square confusion matrix, bins of equal number.
    """
    if words := find_problem(results, RESULTS):
        return words
    task = results.get("task") or {}
    classes, colours, counts = task.get("classes") or [], task.get("colours") or [], results.get("confusion") or []
    if len(classes) > CLASSES:
        return f"task.classes: found {len(classes)}, expected at most {CLASSES}"
    if not all(_numbers(colour, 3, 255) for colour in colours):
        return "task.colours: expected three numbers of 0 to 255 each"
    if not all(_numbers(row, len(counts)) for row in counts):
        return f"confusion: expected {len(counts)} rows of {len(counts)} counts"
    for name, bins in (results.get("reliability") or {}).items():
        if bins is None or len({len(bins.get(key) or ()) for key in ("probability", "share", "pixels")}) > 1:
            return f"reliability.{name}: expected as many probabilities as shares and pixels"
    return ""


def _numbers(found: Any, count: int, most: float = float("inf")) -> bool:
    """Whether a list holds so many numbers, none of them negative or above ``most``."""
    return (
        found is not None and len(found) == count and all(value is not None and 0 <= value <= most for value in found)
    )


def _is(value: Any, kind: str) -> bool:
    if kind == TEXT:
        return isinstance(value, str)
    whole = isinstance(value, int) and not isinstance(value, bool)
    return whole or (kind == NUMBER and isinstance(value, float))


def _mismatch(place: str, value: Any, kind: str) -> str:
    kinds = (
        (Mapping, "an object"),
        (list, "a list"),
        (str, "text"),
        (bool, "true or false"),
        (int | float, "a number"),
    )
    found = next(name for known, name in kinds if isinstance(value, known))
    return f"{place or 'the file'}: found {found}, expected {kind}"
