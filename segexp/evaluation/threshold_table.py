"""thresholds.csv: what each decision threshold would give on the test images, for two classes."""

import math
from typing import Any

from segexp.metrics.curves import ScoreCurve
from segexp.metrics.log_odds import probability


def threshold_rows(curve: ScoreCurve) -> list[dict[str, Any]]:
    """Lines at descending thresholds, at most a thousand; empty where one of the two classes is absent.

    Args:
        curve: Of the test images, all pixels pooled.

    Returns:
        ``threshold`` (probability), ``logit``, ``recall``, ``precision``, ``false_positive_rate``, ``dice``, ``iou``.
    """
    roc, pr = curve.roc(), curve.pr()
    if roc is None or pr is None:
        return []
    # The ROC begins with a point more: nothing is foreground.
    return [_line(*values) for values in zip(pr["logit"], pr["recall"], pr["precision"], roc["fpr"][1:], strict=True)]


def _line(logit: float, recall: float, precision: float, false_positive_rate: float) -> dict[str, Any]:
    dice = 2 * precision * recall / (precision + recall) if precision + recall else 0.0
    figures = {
        "recall": recall, "precision": precision, "false_positive_rate": false_positive_rate,
        "dice": dice, "iou": dice / (2 - dice),
    }  # fmt: skip
    rounded = {name: round(value, 6) for name, value in figures.items()}
    # Not rounded: logits may lie closer together than any number of digits tells apart.
    return {"threshold": probability(logit), "logit": logit if math.isfinite(logit) else "", **rounded}
