"""Loss, validation measures and learning rate over the epochs, from metrics.csv; epochs are shown from 1."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from segexp.report.charts.chart import Chart
from segexp.report.charts.lines import Line, line_chart
from segexp.runs.contents import read_rows

MANY_CLASSES = 6
"""With more classes their own lines are left out: they would hide each other."""
WITH_DICE = 3
"""With more classes Dice is left out: it is a function of IoU, and only crowds the axes."""
RATES_FAR_APART = 20.0
"""From this ratio of the highest rate to the lowest their axis is logarithmic."""

ACCURACIES = (
    ("train/accuracy", "accuracy, training", 0, "dashed"),
    ("val/accuracy", "accuracy, validation", 0, "solid"),
    ("val/balanced_accuracy", "balanced accuracy", 1, "solid"),
    ("val/macro_f1", "macro F1", 2, "solid"),
)
"""Column, name, colour and style of the lines of a classification."""

Row = Mapping[str, str]


def training_charts(metrics_csv: Path, best_epoch: object, monitor: str) -> list[Chart]:
    """The charts that the columns allow.

    Args:
        metrics_csv: One row per epoch; the file may be missing.
        best_epoch: Epoch of the tested checkpoint, counted as the column is; None: not known.
        monitor: Name of the measure that chose it; drawn where it is not among the others.
    """
    rows = _rows(metrics_csv)
    if not rows:
        return []
    upright = (best_epoch + 1.0, f"best: {best_epoch + 1}") if isinstance(best_epoch, int) and len(rows) > 1 else None
    rates = _rates(rows)
    positive = [rate for line in rates for _, rate in line.points if rate > 0]
    groups = [
        ("Loss", _losses(rows), False),
        ("Validation measures", _measures(rows, monitor), False),
        ("Learning rate", rates, bool(positive) and max(positive) > RATES_FAR_APART * min(positive)),
    ]
    made = [line_chart(name, lines, ("epoch", ""), upright=upright, whole=True, log=log) for name, lines, log in groups]
    return [chart for chart in made if chart is not None]


def _rows(path: Path) -> list[Row]:
    rows = read_rows(path)
    return sorted((row for row in rows if math.isfinite(_number(row.get("epoch")))), key=lambda r: _number(r["epoch"]))


def _number(cell: str | None) -> float:
    try:
        return float(cell or "nan")
    except ValueError:
        return math.nan


def _line(rows: Sequence[Row], column: str, name: str, colour: int | None, style: str = "solid") -> Line:
    return Line(name, [(_number(row["epoch"]) + 1, _number(row.get(column))) for row in rows], colour, style)


def _losses(rows: Sequence[Row]) -> list[Line]:
    lines = [_line(rows, "train/loss", "training", 0), _line(rows, "val/loss", "validation", 1)]
    terms = [name.removeprefix("train/loss/") for name in rows[0] if name.startswith("train/loss/")]
    if len(terms) < 2:  # one term is the loss itself
        return lines
    for term in terms[:4]:
        for phase, colour in (("train", 0), ("val", 1)):
            style = ("dashed", "dotted")[terms.index(term) % 2]
            lines.append(
                _line(
                    rows,
                    f"{phase}/loss/{term}",
                    f"{'training' if colour == 0 else 'validation'}, {term}",
                    colour,
                    style,
                )
            )
    return lines


def _measures(rows: Sequence[Row], monitor: str) -> list[Line]:
    lines = [_line(rows, "val/miou", "mean IoU", 0), _line(rows, "val/auc", "ROC-AUC", None, "dashed")]
    if "train/accuracy" in rows[0]:  # of classes of images; in a segmentation it would only mislead
        lines += [_line(rows, name, label, place, style) for name, label, place, style in ACCURACIES]
    names = [name for name in rows[0] if name.startswith("val/iou/")]
    if len(names) <= MANY_CLASSES:
        lines += [_line(rows, name, f"IoU {name.removeprefix('val/iou/')}", n + 1) for n, name in enumerate(names)]
    if len(names) <= WITH_DICE:
        classes = [name.removeprefix("val/iou/") for name in names]
        lines += [_line(rows, f"val/dice/{of}", f"Dice {of}", n + 1, "dotted") for n, of in enumerate(classes)]
    shown = {"val/miou", "val/auc", "val/loss", *(name for name, *_ in ACCURACIES)}
    shown |= {*names, *(name.replace("/iou/", "/dice/") for name in names)}
    if monitor and monitor not in shown and not monitor.startswith("train/"):
        lines.append(_line(rows, monitor, monitor, None, "dotted"))
    return lines


def _rates(rows: Sequence[Row]) -> list[Line]:
    names = [name for name in rows[0] if name == "lr" or name.startswith("lr/")]
    return [_line(rows, name, name, number) for number, name in enumerate(names)]
