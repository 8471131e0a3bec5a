"""How figures of results.json are called in tables, and what they mean in a few words."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.config.measure_names import figure_direction
from segexp.errors import ConfigError
from segexp.runs import entries


@dataclass(frozen=True)
class Label:
    """Name of a figure for a head of a table, and a line that says what it is."""

    name: str
    meaning: str


LABELS = {
    "accuracy": Label("accuracy", "share of the pixels that are right"),
    "kappa": Label("kappa", "agreement beyond that of guessing with the same shares (Cohen)"),
    "mcc_overall": Label("MCC, all classes", "correlation of truth and prediction over all classes (Gorodkin)"),
    "auc": Label("ROC-AUC", "chance that a pixel of the class gets a higher score than one outside it"),
    "ap": Label("PR-AUC", "area under precision over recall (average precision)"),
    "iou": Label("IoU", "overlap over union"),
    "dice": Label("Dice", "twice the overlap over both sizes (F1 of pixels)"),
    "precision": Label("precision", "share of the predicted pixels that are of the class"),
    "recall": Label("recall", "share of the pixels of the class that were found"),
    "specificity": Label("specificity", "share of the pixels outside the class that were left alone"),
    "mcc": Label("MCC", "correlation of truth and prediction, 0 for guessing (Matthews)"),
    "brier": Label("Brier", "mean squared error of the probability"),
    "ece": Label("ECE", "mean distance between probability and observed share (expected calibration error)"),
    "boundary_iou": Label("boundary IoU", "IoU of the strips along the outlines"),
    "cldice": Label("clDice", "overlap of centrelines: do thin things hang together"),
    "hd95": Label("HD95", "distance between outlines that 95 % of their pixels keep (Hausdorff)"),
    "asd": Label("ASD", "mean distance between outlines (average surface distance)"),
    "components_error": Label("component error", "difference in the number of connected pieces"),
    "object_f1": Label("object F1", "F1 of connected pieces paired at an IoU above the threshold"),
    "object_precision": Label("object precision", "share of the predicted pieces that have a partner"),
    "object_recall": Label("object recall", "share of the true pieces that have a partner"),
}
"""In the order of the tables."""

AGAINST = "MCC, class against rest"
"""Of more than two classes; with two it is that of all classes."""
SHORT = ("miou", "mdice")
"""Means that stand under the name of their measure already."""


def name_of(figure: str) -> str:
    """Name for a table; a figure that nobody has named keeps its own."""
    return LABELS[figure].name if figure in LABELS else figure.upper() if figure.startswith("hd") else figure


def head_of(results: Mapping[str, Any], figure: str) -> str:
    """Name with the unit where it has a short one."""
    unit = entries.to_text(entries.get_in(results, "units", figure))
    if figure == "mcc" and len(entries.classes_of(results)) > 2:
        return AGAINST
    return f"{name_of(figure)} ({unit})" if 0 < len(unit) <= 2 else name_of(figure)


def lower_is_better(figure: str) -> bool:
    """Whether less is more; not of figures that nobody knows."""
    try:
        return figure_direction(figure) == "min"
    except ConfigError:
        return False


def ordered(figures: Mapping[str, Any]) -> list[str]:
    """Names of the figures of a block of results.json: the known ones in their order, then others."""
    found = [name for name in figures if name != "mean" and not name.endswith("_averaged") and name not in SHORT]
    return [name for name in LABELS if name in found] + [name for name in found if name not in LABELS]
