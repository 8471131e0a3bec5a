"""The confusion matrix as a figure."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.plots.style import MUTED, saved_figure

MANY_CLASSES = 12
"""Above so many classes only the share is printed, for want of room."""


def plot_confusion(counts: NDArray[np.int64], classes: Sequence[str], out: Path) -> Path:
    """Draw a confusion matrix with the share of each true class and the counts.

    Args:
        counts: int64 (C, C), pixels; rows are the truth, columns the prediction.
        classes: C names.
        out: Target PNG.

    Returns:
        ``out``. A class without true pixels has no share and is drawn empty.

    Raises:
        DataError: ``counts`` is not (C, C), or negative.
    """
    counts = np.asarray(counts)
    if counts.shape != (len(classes), len(classes)) or (counts < 0).any():
        raise DataError(
            f"A confusion matrix of {len(classes)} classes needs {len(classes)} rows and columns of counts "
            f"from 0 on, but got shape {counts.shape}."
        )
    total = counts.sum(axis=1, keepdims=True)
    share = np.divide(counts, total, out=np.full(counts.shape, np.nan), where=total > 0)
    side = min(12.0, 2.2 + 1.05 * len(classes))
    with saved_figure(out, side + 1.0, side) as figure:
        axes = figure.subplots()
        picture = axes.imshow(share, cmap="Blues", vmin=0, vmax=1)
        axes.grid(False)
        ticks = range(len(classes))
        axes.set_xticks(ticks, classes, rotation=30 if len(classes) > 4 else 0)
        axes.set_yticks(ticks, [_row_name(name, int(n)) for name, n in zip(classes, total[:, 0], strict=True)])
        axes.set(xlabel="prediction", ylabel="truth")
        axes.set_title("Share of the true pixels")
        for row, column in np.ndindex(*counts.shape):
            text = _cell(float(share[row, column]), int(counts[row, column]), len(classes) <= MANY_CLASSES)
            colour = "white" if share[row, column] > 0.55 else "#27272a"
            axes.text(column, row, text, ha="center", va="center", color=colour, fontsize=8)
        bar = figure.colorbar(picture, ax=axes, shrink=0.8)
        bar.outline.set_visible(False)
        bar.ax.tick_params(colors=MUTED, labelsize=7)
    return out


def _row_name(name: str, pixels: int) -> str:
    return name if pixels else f"{name}\n(absent)"


def _cell(share: float, count: int, with_count: bool) -> str:
    text = "-" if np.isnan(share) else f"{100 * share:.1f} %"
    return f"{text}\n{count:,}" if with_count else text
