"""How large and how fast: parameters, file, time of training, images per second."""

import math
from pathlib import Path
from statistics import median

from segexp.report import values
from segexp.runs import entries
from segexp.runs.contents import RunContents, numbers_of, read_rows
from segexp.runs.paths import path_inside

Facts = list[tuple[str, str]]


def costs(folder: RunContents) -> Facts:
    """Facts on size and speed, on the machine that the page names."""
    run, results = folder.run, folder.results
    total, trainable = (entries.get_in(run, "model", name) for name in ("parameters", "trainable"))
    parameters = values.format_count(total) + (
        f", {values.format_count(trainable)} of them trained" if trainable != total else ""
    )
    epoch = _epoch_seconds(folder.path / "metrics.csv")
    pairs = [
        ("parameters", parameters),
        ("checkpoint", _size(folder)),
        ("training", _training(folder)),
        ("an epoch", "" if epoch is None else f"{values.format_duration(epoch)} (median)"),
        ("samples trained", _rate(entries.get_in(run, "data", "train", "samples"), epoch)),
        ("images tested", _per_second(entries.get_in(run, "test", "images_per_second"), results)),
        ("peak GPU memory", _megabytes(entries.get_in(run, "test", "peak_gpu_memory_mb"))),
    ]
    return [(name, text) for name, text in pairs if text not in ("", values.ABSENT)]


def _training(folder: RunContents) -> str:
    took, epochs = values.format_duration(folder.run.get("train_seconds")), folder.run.get("epochs")
    ended = entries.to_text(folder.run.get("ended_by"))
    parts = [took, f"{epochs} epochs" if isinstance(epochs, int) else "", f"ended by {ended}" if ended else ""]
    return ", ".join(part for part in parts if part not in ("", values.ABSENT))


def _size(folder: RunContents) -> str:
    path = path_inside(folder.path, entries.get_in(folder.results, "checkpoint", "path"))
    if path is None or not path.is_file():
        return ""
    return f"{path.stat().st_size / 1e6:.1f} MB on disk, with the state of the optimiser"


def _epoch_seconds(metrics_csv: Path) -> float | None:
    """Median, since the first epoch warms up; None where it was not measured."""
    rows = [{"seconds": row.get("seconds", "")} for row in read_rows(metrics_csv)]
    found = [row["seconds"] for row in numbers_of(rows, metrics_csv) if not math.isnan(row["seconds"])]
    return median(found) if found else None


def _rate(samples: object, seconds: float | None) -> str:
    if not isinstance(samples, int) or seconds is None or seconds <= 0:
        return ""
    return f"{_number(samples / seconds)} per second, validation included"


def _per_second(rate: object, results: object) -> str:
    if not isinstance(rate, int | float):
        return ""
    views = entries.get_in(results, "task", "tta")
    text = "" if views in (None, "none") else f", views: {views}"
    return f"{_number(rate)} per second, loading and counting included{text}"


def _megabytes(amount: object) -> str:
    return f"{amount:,.0f} MB" if isinstance(amount, int | float) else ""


def _number(value: float) -> str:
    return f"{value:.{max(0, 2 - int(math.log10(max(value, 1))))}f}"
