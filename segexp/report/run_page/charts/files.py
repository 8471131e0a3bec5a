"""Figures of a test as files beside the page, made from the plain files of the run folder alone."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.report.charts.chart import Chart
from segexp.report.charts.files import render_charts
from segexp.report.charts.matrix import matrix_chart
from segexp.report.run_page.charts.calibration import calibration_charts
from segexp.report.run_page.charts.class_spread import spread_charts
from segexp.report.run_page.charts.decisions import decision_charts
from segexp.report.run_page.charts.latents import latent_charts
from segexp.report.run_page.charts.training import training_charts
from segexp.report.run_page.tables.confusion import Share, confusion_table, counted_unit
from segexp.runs import entries
from segexp.runs.contents import read_rows
from segexp.runs.files import replace_file
from segexp.runs.json_yaml import read_object
from segexp.runs.text import printable

MOST_COUNTED = 12
"""Above so many classes only the share is written into a cell, for want of room."""
Results = Mapping[str, Any]


def save_charts(folder: Path, kind: str) -> list[Path]:
    """Draws every figure of which the folder holds the numbers.

    Args:
        folder: The run folder.
        kind: One of :data:`segexp.report.charts.files.FORMATS`.

    Returns:
        The files.
    """
    results = read_object(folder / "results.json")
    return [save_chart(folder, f"{stem}.{kind}") for stem, charts in CHARTS.items() if charts(folder, results)]


def save_chart(folder: Path, name: str) -> Path:
    """Draws a figure into a run folder.

    Args:
        folder: The run folder.
        name: A stem of :data:`CHARTS` with a suffix of :data:`segexp.report.charts.files.FORMATS`, ``curves.png`` say.

    Returns:
        Where it lies.

    Raises:
        DataError: The folder holds nothing to draw it of, or files that are damaged.
        OSError: The folder cannot be written.
    """
    stem, _, kind = name.partition(".")
    charts = CHARTS[stem](folder, read_object(folder / "results.json"))
    if not charts:
        raise DataError(f"{folder} holds nothing to draw {name} of.")
    readable = [chart.with_texts(printable) for chart in charts]
    return replace_file(folder / name, render_charts(readable, kind, 1 if stem == "reliability" else 3))


def _curves(folder: Path, results: Results) -> list[Chart]:
    monitor = entries.to_text(entries.get_in(results, "checkpoint", "monitor"))
    return training_charts(folder / "metrics.csv", entries.get_in(results, "checkpoint", "epoch"), monitor)


def _confusion(folder: Path, results: Results) -> list[Chart]:
    table = confusion_table(results, most=100)
    if table is None:
        return []
    shares = [[cell.share for cell in cells] for _, cells in table.rows]
    texts = [[_cell(cell, with_count=len(cells) <= MOST_COUNTED) for cell in cells] for _, cells in table.rows]
    names = [
        name if any(cell.share is not None for cell in cells) else f"{name} (absent)" for name, cells in table.rows
    ]
    title = f"Share of the true {counted_unit(results)}"
    return [matrix_chart(title, shares, texts, names, table.classes, ("prediction", "truth"))]


def _cell(cell: Share, *, with_count: bool) -> str:
    return f"{cell.text}\n{cell.count}" if with_count else cell.text


CHARTS: dict[str, Callable[[Path, Results], list[Chart]]] = {
    "curves": _curves,
    "confusion": _confusion,
    "classes": lambda folder, results: spread_charts(results, read_rows(folder / "per_image.csv")),
    "scores": lambda folder, results: decision_charts(folder / "thresholds.csv", results),
    "reliability": lambda _, results: calibration_charts(results),
    "latents": lambda folder, results: latent_charts(folder / "latents.csv", results),
}
"""By stem of the file: the charts that it shows beside each other."""
