"""ROC and precision-recall curves of two classes with the chosen threshold."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.plots.style import COLOURS, MUTED, saved_figure

Curve = tuple[NDArray[np.floating], NDArray[np.floating]]
"""Two float arrays (N,), both 0..1: horizontal and vertical values."""


@dataclass(frozen=True)
class ThresholdPoint:
    """Where the chosen threshold lies on both curves; all values 0..1, None where undefined.

    Attributes:
        threshold: Probability from which on a pixel is foreground.
        false_positive_rate: 1 - specificity.
        recall: True positive rate.
        precision: Share of the predicted foreground that is foreground.
    """

    threshold: float
    false_positive_rate: float | None
    recall: float | None
    precision: float | None


def plot_scores(
    roc: Curve,
    pr: Curve,
    point: ThresholdPoint | None,
    auc: float | None,
    ap: float | None,
    out: Path,
    foreground_share: float | None = None,
) -> Path:
    """Draw both curves side by side.

    Args:
        roc: False positive rate and true positive rate, float (N,) each.
        pr: Recall and precision, float (M,) each.
        point: The chosen threshold, or None to mark none.
        auc: Area under the ROC curve, None where undefined.
        ap: Average precision, None where undefined.
        out: Target PNG.
        foreground_share: Share of the foreground among the counted pixels, the precision of guessing.

    Returns:
        ``out``.

    Raises:
        DataError: The two arrays of a curve differ in length, or are empty.
    """
    for name, (first, second) in (("ROC", roc), ("precision-recall", pr)):
        if len(first) == 0 or len(first) != len(second):
            raise DataError(f"The {name} curve needs two arrays of one length, got {len(first)}, {len(second)}.")
    with saved_figure(out, 9.2, 4.4) as figure:
        left, right = figure.subplots(1, 2)
        _draw(left, roc, f"ROC, area {_text(auc)}")
        left.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":", label="guessing")
        left.set(xlabel="false positive rate (1 - specificity)", ylabel="true positive rate (recall)")
        _draw(right, pr, f"Precision and recall, average precision {_text(ap)}")
        right.set(xlabel="recall", ylabel="precision")
        if foreground_share is not None:
            right.axhline(foreground_share, color=MUTED, linewidth=0.8, linestyle=":", label="guessing")
        if point is not None:
            _mark(left, point.false_positive_rate, point.recall, point.threshold)
            _mark(right, point.recall, point.precision, point.threshold)
        for axes, place in ((left, "lower right"), (right, "lower left")):
            if axes.get_legend_handles_labels()[1]:
                axes.legend(loc=place)
    return out


def _text(value: float | None) -> str:
    return "undefined" if value is None else f"{value:.4f}"


def _draw(axes: Axes, curve: Curve, title: str) -> None:
    axes.plot(*_thinned(*curve), color=COLOURS[0])
    axes.set_title(title)
    axes.set_aspect("equal")
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))


def _thinned(across: NDArray[np.floating], up: NDArray[np.floating]) -> Curve:
    """Keep a point per thousandth of the curve's length: a curve may have one per pixel of the test set."""
    across, up = np.asarray(across, dtype=np.float64), np.asarray(up, dtype=np.float64)
    steps = np.hypot(np.diff(across, prepend=across[0]), np.diff(up, prepend=up[0]))
    bins = np.floor(np.cumsum(np.nan_to_num(steps)) * 1000)
    keep = np.append(np.diff(bins) > 0, True)
    keep[0] = True
    return across[keep], up[keep]


def _mark(axes: Axes, across: float | None, up: float | None, threshold: float) -> None:
    if across is None or up is None:
        return
    label = f"threshold {threshold:.3f}"
    axes.plot([across], [up], "o", color=COLOURS[1], markersize=7, label=label, clip_on=False)
