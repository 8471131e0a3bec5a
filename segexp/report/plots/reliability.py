"""Reliability diagram: whether a probability of 0.7 is right seven times out of ten."""

from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes

from segexp.errors import DataError
from segexp.report.plots.style import COLOURS, MUTED, saved_figure

Points = Mapping[str, Sequence[float | None]]
"""``probability`` and ``share`` (None in an empty bin) and ``pixels`` of each of B equally wide bins."""


def plot_reliability(
    points: Mapping[str, Points], ece: Mapping[str, float | None], brier: Mapping[str, float | None], out: Path
) -> Path:
    """Draw the observed share over the predicted probability, and below it how many pixels each bin holds.

    Args:
        points: By class.
        ece: Expected calibration error by class, for the legend.
        brier: Brier score by class, for the legend.
        out: Target PNG.

    Returns:
        ``out``.

    Raises:
        DataError: There is no class.
    """
    if not points:
        raise DataError("A reliability diagram needs the points of at least one class.")
    with saved_figure(out, 5.6, 6.2) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
        upper.plot([0, 1], [0, 1], color=MUTED, linewidth=0.8, linestyle=":", label="perfectly calibrated")
        for (name, of_class), colour in zip(points.items(), cycle(COLOURS), strict=False):
            label = f"{name}: ECE {_text(ece.get(name))}, Brier {_text(brier.get(name))}"
            _draw_share(upper, of_class, colour, label)
            _draw_pixels(lower, of_class, colour, filled=len(points) == 1)
        upper.set(ylabel="observed share", xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
        upper.set_title("Reliability: observed share of each class")
        lower.set(xlabel="predicted probability (mean of the bin)", ylabel="pixels")
        lower.set_yscale("log")
        lower.yaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        # below, where no curve can hide it
        handles, labels = upper.get_legend_handles_labels()
        lower.legend(
            handles, labels, loc="upper center", bbox_to_anchor=(0.5, -0.35), ncols=1 if len(points) < 6 else 2
        )
    return out


def _draw_share(axes: Axes, points: Points, colour: str, label: str) -> None:
    across, up = (np.array(points[key], dtype=np.float64) for key in ("probability", "share"))
    there = ~np.isnan(across)
    axes.plot(across[there], up[there], "o-", color=colour, markersize=4, label=label)


def _draw_pixels(axes: Axes, points: Points, colour: str, *, filled: bool) -> None:
    """Outlined steps: bars of several classes would hide each other."""
    pixels = np.array(points["pixels"], dtype=np.float64)
    edges = np.linspace(0, 1, len(pixels) + 1)
    # a logarithm has no place for empty bins
    axes.stairs(np.maximum(pixels, 0.8), edges, color=colour, linewidth=1.4, baseline=0.8)
    if filled:
        axes.stairs(np.maximum(pixels, 0.8), edges, color=colour, fill=True, alpha=0.12, baseline=0.8)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
