"""Pictures of a test that could not be made when it ended, made again from the plain files of its run folder."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from segexp.runs import entries
from segexp.runs.contents import RunContents, read_run
from segexp.runs.folder import RunFolder


def remake(path: Path) -> list[Path]:
    """Makes what run.json lists under ``not_made`` and plain files hold, and takes it off that list.

    Args:
        path: A run folder.

    Returns:
        The pictures that were made.
    """
    run = read_run(path)
    listed = run.run.get("not_made")
    lacking = [entry for entry in listed if isinstance(entry, Mapping)] if isinstance(listed, list) else []
    made = [name for entry in lacking if (name := entries.to_text(entry.get("what"))) in MAKERS and _made(run, name)]
    left = [entry for entry in lacking if entry.get("what") not in (*made, "report.html")]
    if len(left) < len(lacking):
        content = {key: value for key, value in run.run.items() if key != "not_made"}
        RunFolder(path).write_json("run.json", content | ({"not_made": left} if left else {}))
    return [path / name for name in made]


def _made(run: RunContents, name: str) -> bool:
    try:
        MAKERS[name](run, run.path / name)
    except Exception:  # a damaged file, or the fault is still there: it stays on the list
        return False
    return True


def _curves(run: RunContents, out: Path) -> None:
    from segexp.report.plots.curves import plot_curves

    epoch = entries.get_in(run.results, "checkpoint", "epoch")
    plot_curves(run.path / "metrics.csv", out, epoch if isinstance(epoch, int) else None)


def _confusion(run: RunContents, out: Path) -> None:
    from segexp.report.plots.confusion import plot_confusion

    plot_confusion(np.asarray(run.results["confusion"], np.int64), entries.classes_of(run.results), out)


def _reliability(run: RunContents, out: Path) -> None:
    from segexp.report.plots.reliability import plot_reliability

    figures: Any = entries.model_row(run.results)["dataset"]
    points = run.results.get("reliability")
    if points is not None:
        plot_reliability(points, figures["ece"], figures["brier"], out)


MAKERS: dict[str, Callable[[RunContents, Path], None]] = {
    "curves.png": _curves,
    "confusion.png": _confusion,
    "reliability.png": _reliability,
}
