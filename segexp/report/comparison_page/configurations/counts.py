"""Figures of a confusion matrix, with numpy alone: what :mod:`segexp.metrics.measures` says, without torch."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segexp.report.comparison_page.configurations.figures import Figure, Figures

Array = NDArray[np.float64]


def count_figures(matrix: Sequence[Sequence[int]], classes: Sequence[str]) -> Figures:
    """Accuracy, kappa, MCC, and per class and as mean IoU, Dice, precision, recall, specificity and MCC.

    Args:
        matrix: Pixels (C, C), rows the truth, columns the prediction.
        classes: C names.

    Returns:
        Figures of block ``dataset`` that are defined, by the rule of :mod:`segexp.metrics.measures` for absent classes.
    """
    counts = np.asarray(matrix, dtype=np.float64)
    found: Figures = {}
    for measure, per_class in _per_class(counts).items():
        defined = per_class[~np.isnan(per_class)]
        mean = Figure("dataset", f"m{measure}") if measure in ("iou", "dice") else Figure("dataset", measure, "mean")
        if len(defined):
            found[mean] = float(defined.mean())
        found |= {
            Figure("dataset", measure, name): float(value) for name, value in zip(classes, per_class, strict=True)
        }
    found |= {Figure("dataset", measure): value for measure, value in _overall(counts).items()}
    return {figure: value for figure, value in found.items() if not np.isnan(value)}


def _per_class(counts: Array) -> dict[str, Array]:
    hit, true, predicted, total = np.diag(counts), counts.sum(axis=1), counts.sum(axis=0), counts.sum()
    outside, union = total - true, true + predicted - np.diag(counts)
    spread = np.sqrt(true * outside * predicted * (total - predicted))
    one_class = (true == predicted) & ((true == 0) | (true == total))
    return {
        "iou": _by_rule(hit, union, union == 0),
        "dice": _by_rule(2 * hit, true + predicted, union == 0),
        "precision": _by_rule(hit, predicted, union == 0),
        "recall": _by_rule(hit, true, union == 0),
        "specificity": _by_rule(outside - (predicted - hit), outside, outside == 0),
        "mcc": _by_rule(hit * total - true * predicted, spread, one_class),
    }


def _overall(counts: Array) -> dict[str, float]:
    true, predicted, total, right = counts.sum(axis=1), counts.sum(axis=0), counts.sum(), np.trace(counts)
    by_chance = (true * predicted).sum()
    more = right * total - by_chance
    spread = np.sqrt((total**2 - (predicted**2).sum()) * (total**2 - (true**2).sum()))
    one_class = by_chance == total**2
    return {
        "accuracy": float(_by_rule(right, total, total == 0)),
        "kappa": float(_by_rule(more, total**2 - by_chance, one_class)),
        "mcc_overall": float(_by_rule(more, spread, one_class)),
    }


def _by_rule(part: Array, whole: Array, undefined: NDArray[np.bool_] | np.bool_) -> Array:
    """Quotient; nan where undefined, 0 where 0 / 0 is left."""
    return np.where(undefined, np.nan, part / np.where(whole == 0, 1.0, whole))
