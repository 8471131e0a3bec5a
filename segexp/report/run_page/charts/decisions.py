"""What another threshold would give, ROC, and precision over recall: two classes, from thresholds.csv."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.report import values
from segexp.report.charts.chart import Chart
from segexp.report.charts.lines import Line, MarkedPoint, line_chart
from segexp.runs import entries
from segexp.runs.contents import numbers_of, read_rows

Row = Mapping[str, float]
COLUMNS = {"threshold", "recall", "precision", "false_positive_rate", "dice", "iou"}


def decision_charts(thresholds_csv: Path, results: Mapping[str, Any]) -> list[Chart]:
    """Three charts, or none where the file is missing or empty.

    Args:
        thresholds_csv: Figures at descending thresholds, of the test images.
        results: Content of results.json.
    """
    rows = _rows(thresholds_csv)
    if not rows:
        return []
    chosen = entries.get_in(results, "threshold", "value")
    at = _nearest(rows, float(chosen)) if isinstance(chosen, int | float) else None
    made = [_over_thresholds(rows, at, chosen, results), _roc(rows, at, results), _precision(rows, at, results)]
    return [chart for chart in made if chart is not None]


def _rows(path: Path) -> list[Row]:
    rows = numbers_of(read_rows(path), path)
    if any(not row.keys() >= COLUMNS for row in rows):
        raise DataError(f"{path}: expected the columns {', '.join(sorted(COLUMNS))}. Was it edited?")
    return [row for row in rows if not any(math.isnan(row[name]) for name in COLUMNS)]


def _nearest(rows: Sequence[Row], threshold: float) -> Row:
    return min(rows, key=lambda row: abs(row["threshold"] - threshold))


def _points(rows: Sequence[Row], across: str, up: str) -> list[tuple[float, float]]:
    return [(row[across], row[up]) for row in rows]


def _over_thresholds(rows: Sequence[Row], at: Row | None, chosen: object, results: Mapping[str, Any]) -> Chart | None:
    columns = (("dice", "Dice"), ("iou", "IoU"), ("precision", "precision"), ("recall", "recall"))
    lines = [
        Line(name, _points(rows, "threshold", column), colour, "solid" if colour in (0, 1) else "dashed")
        for colour, (column, name) in enumerate(columns)
    ]
    note = _note(rows, at, chosen, results)
    upright = (float(chosen), "chosen") if at is not None and isinstance(chosen, int | float) else None
    names = ("threshold (probability)", "")
    return line_chart("Over thresholds", lines, names, upright=upright, unit=(True, True), note=note)


def _note(rows: Sequence[Row], at: Row | None, chosen: object, results: Mapping[str, Any]) -> str:
    best = max(rows, key=lambda row: row["dice"])
    highest = f"The highest Dice on these test images would be {best['dice']:.4f}, at {best['threshold']:.3f}."
    if at is None:
        return highest
    # Of results.json: rows stand beside the chosen threshold, not at it.
    own = entries.get_in(entries.model_row(results), "dataset", "dice", entries.foreground_of(results) or "")
    own = own if isinstance(own, int | float) else None
    text = f"Dice {values.format_measure(own)} at" if own is not None else f"Dice {at['dice']:.4f} near"
    if own is not None and own >= best["dice"]:
        highest = f"None of {len(rows)} others gives more on these test images."
    return f"{text} the chosen threshold {values.format_measure(chosen, 3)}. {highest}"


def _marks(at: Row | None, across: str, up: str) -> list[MarkedPoint]:
    return [] if at is None else [MarkedPoint("chosen threshold", (at[across], at[up]))]


def _roc(rows: Sequence[Row], at: Row | None, results: Mapping[str, Any]) -> Chart | None:
    area = values.format_measure(entries.get_in(entries.model_row(results), "dataset", "auc"))
    points = [(0.0, 0.0), *_points(rows, "false_positive_rate", "recall")]
    lines = [Line(f"model, area {area}", points), Line("guessing", [(0.0, 0.0), (1.0, 1.0)], None, "dotted")]
    names = ("false positive rate", "recall")
    return line_chart("ROC", lines, names, marks=_marks(at, "false_positive_rate", "recall"), unit=(True, True))


def _precision(rows: Sequence[Row], at: Row | None, results: Mapping[str, Any]) -> Chart | None:
    area = values.format_measure(entries.get_in(entries.model_row(results), "dataset", "ap"))
    share = rows[-1]["precision"]  # of everything called foreground
    lines = [
        Line(f"model, area {area}", _points(rows, "recall", "precision")),
        Line(f"guessing, {share:.3f}", [(0.0, share), (1.0, share)], None, "dotted"),
    ]
    names = ("recall", "precision")
    return line_chart("Precision and recall", lines, names, marks=_marks(at, "recall", "precision"), unit=(True, True))
