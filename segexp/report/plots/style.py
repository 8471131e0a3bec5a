"""The common look of all matplotlib figures, without pyplot and without lasting changes to its settings."""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from segexp.runs.files import replace_file

# Okabe and Ito (2008), Color Universal Design; yellow left out, since it vanishes on white
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#52525b")
INK = "#27272a"
MUTED = "#71717a"

_STYLE = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],  # ships with matplotlib: the same figure on every machine
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.edgecolor": "#a1a1aa",
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#e4e4e7",
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "text.color": INK,
    "legend.frameon": False,
    "legend.fontsize": 8.0,
    "lines.linewidth": 1.6,
    "text.usetex": False,
    "text.parse_math": False,  # a class may be named "a$b"
    "savefig.bbox": None,
    "savefig.transparent": False,
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "auto",
}


@contextmanager
def saved_figure(out: Path, width: float, height: float) -> Iterator[Figure]:
    """Give an empty figure and write it as PNG when the block ends without an error.

    Args:
        out: Target, written whole or not at all.
        width: Inches; one inch is 130 pixels.
        height: Inches.

    Yields:
        The figure; it belongs to no window and to no pyplot state.

    Raises:
        OSError: The folder of ``out`` cannot be written.
    """
    # the user's own matplotlibrc must not change a report, nor a report the user's settings
    with matplotlib.rc_context(_STYLE):  # type: ignore[arg-type]  # its stubs list each key as a literal
        figure = Figure(figsize=(width, height), dpi=130, layout="constrained")
        FigureCanvasAgg(figure)  # the Agg backend for this figure alone, whatever the user's backend is
        yield figure
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png")
    replace_file(out, buffer.getvalue())


def without_grid(axes: Axes) -> None:
    """Make axes fit for a picture: no ticks, grid or frame."""
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
