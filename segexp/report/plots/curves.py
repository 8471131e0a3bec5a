"""Training curves: loss, measures and learning rate over the epochs, which are shown from 1."""

import csv
import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from segexp.errors import DataError
from segexp.report.plots.style import COLOURS, INK, MUTED, saved_figure

FEW_EPOCHS = 30
"""Up to so many epochs the points are marked: a line through one point is invisible."""
MANY_CLASSES = 5
"""Above so many classes Dice is left out: it is a function of IoU and only crowds the axes."""


@dataclass(frozen=True)
class History:
    """Columns of metrics.csv: epochs and, per column, one value per epoch, NaN where the cell is empty."""

    epochs: list[int]
    columns: dict[str, list[float]]

    def starting(self, prefix: str) -> list[str]:
        """Names of the columns that begin with ``prefix`` and hold at least one number."""
        return [name for name in self.columns if name.startswith(prefix) and self.has(name)]

    def has(self, name: str) -> bool:
        """Whether the column is there and holds at least one number."""
        return any(math.isfinite(value) for value in self.columns.get(name, []))


def read_history(metrics_csv: Path) -> History:
    """Read metrics.csv of a run folder.

    Args:
        metrics_csv: One row per epoch with a column ``epoch``; empty cells are allowed.

    Returns:
        Its rows in the order of the epochs, rows without an epoch left out.

    Raises:
        DataError: The file is missing or has no column ``epoch``.
    """
    try:
        with metrics_csv.open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream)
            names = [name for name in reader.fieldnames or [] if name]
            rows = [row for row in reader if row.get("epoch")]
    except OSError as error:
        raise DataError(f"The training history {metrics_csv} cannot be read: {error.strerror}.") from error
    if "epoch" not in names:
        raise DataError(f"{metrics_csv} has no column 'epoch', but {names}. Expected one row per epoch.")
    rows.sort(key=lambda row: _number(row["epoch"]))
    columns = {name: [_number(row.get(name)) for row in rows] for name in names if name != "epoch"}
    return History([int(_number(row["epoch"])) for row in rows], columns)


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return math.nan


def plot_curves(metrics_csv: Path, out: Path, best_epoch: int | None = None) -> Path:
    """Draw loss, validation measures and learning rate side by side.

    Args:
        metrics_csv: One row per epoch; columns ``epoch``, ``train/loss[/term]``, ``val/loss[/term]``,
            ``val/miou``, ``val/iou/<class>``, ``val/dice/<class>``, ``val/auc``, ``lr[/<group>]``. Axes
            without any column are left out.
        out: Target PNG.
        best_epoch: Marked by a vertical line, counted like the column ``epoch``.

    Returns:
        ``out``.

    Raises:
        DataError: The file is missing, has no column ``epoch``, or nothing to draw.
    """
    history = read_history(metrics_csv)
    drawers: list[tuple[bool, Callable[[Axes, History], None]]] = [
        (bool(history.starting("train/loss") or history.starting("val/loss")), _draw_loss),
        (bool(_measures(history)), _draw_measures),
        (bool(history.starting("lr")), _draw_rate),
    ]
    wanted = [draw for there, draw in drawers if there]
    if not wanted:
        raise DataError(f"{metrics_csv} holds no loss, measure or learning rate: nothing to draw.")
    with saved_figure(out, 4.6 * len(wanted), 3.9) as figure:
        for axes, draw in zip(figure.subplots(1, len(wanted), squeeze=False)[0], wanted, strict=True):
            draw(axes, history)
            _finish(axes, history, best_epoch)
    return out


def _line(axes: Axes, history: History, name: str, label: str, colour: str, style: str = "-") -> None:
    values = history.columns[name]
    # epochs without validation leave holes; the line runs on over them
    pairs = zip(history.epochs, values, strict=True)
    known = [(epoch, value) for epoch, value in pairs if not math.isnan(value)]
    thin = style != "-"
    axes.plot(
        [epoch + 1 for epoch, _ in known],
        [value for _, value in known],
        style,
        color=colour,
        label=label,
        linewidth=1.0 if thin else 1.8,
        marker="o" if len(history.epochs) <= FEW_EPOCHS or len(known) == 1 else None,
        markersize=2.0 if thin else 3.5,
    )


def _draw_loss(axes: Axes, history: History) -> None:
    axes.set_title("Loss")
    styles = ("--", ":", "-.")
    for phase, colour in (("train", COLOURS[0]), ("val", COLOURS[1])):
        if history.has(f"{phase}/loss"):
            _line(axes, history, f"{phase}/loss", phase, colour)
        terms = history.starting(f"{phase}/loss/")
        if len(terms) > 1:  # a single term is the loss itself
            for term, style in zip(terms, cycle(styles), strict=False):
                _line(axes, history, term, f"{phase} {term.split('/', 2)[2]}", colour, style)


def _measures(history: History) -> list[tuple[str, str, str, str]]:
    """Column, label, colour and line style of each validation measure."""
    found = [("val/miou", "mean IoU", INK, "-"), ("val/auc", "AUC", MUTED, "-.")]
    of_class = history.starting("val/iou/")
    shades = cycle(COLOURS)
    for column in of_class:
        name, colour = column.removeprefix("val/iou/"), next(shades)
        found.append((column, f"IoU {name}", colour, "--"))
        if len(of_class) <= MANY_CLASSES:
            found.append((f"val/dice/{name}", f"Dice {name}", colour, ":"))
    return [measure for measure in found if history.has(measure[0])]


def _draw_measures(axes: Axes, history: History) -> None:
    axes.set_title("Validation measures")
    for measure in _measures(history):
        _line(axes, history, *measure)


def _draw_rate(axes: Axes, history: History) -> None:
    axes.set_title("Learning rate")
    names = history.starting("lr")
    for name, colour in zip(names, cycle(COLOURS), strict=False):
        _line(axes, history, name, name, colour)
    values = [value for name in names for value in history.columns[name] if value > 0]
    if values and max(values) > 20 * min(values):
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
    else:
        axes.set_ylim(bottom=0)


def _finish(axes: Axes, history: History, best_epoch: int | None) -> None:
    axes.set_xlabel("epoch")
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if best_epoch is not None and best_epoch in history.epochs:
        axes.axvline(best_epoch + 1, color=MUTED, linewidth=1, linestyle=(0, (1, 2)), zorder=1)
        # in the title line, where no curve can hide it
        axes.set_title(f"best: epoch {best_epoch + 1}", loc="right", fontsize=8, fontweight="normal", color=MUTED)
    labels = axes.get_legend_handles_labels()[1]
    if len(labels) > 1:
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.15), ncols=2 if len(labels) < 7 else 3)
