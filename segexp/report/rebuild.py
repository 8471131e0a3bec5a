"""Pages made again from folders alone: of runs, and of the sweeps above them."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from segexp.errors import DataError
from segexp.report.comparison_page.compare import write_summary
from segexp.report.methods.paragraph import write_run_methods
from segexp.report.run_page.charts.files import save_charts
from segexp.report.run_page.page import write_report
from segexp.report.run_page.rebuilt_pictures import remake
from segexp.runs.find import MANIFEST, expand_place, walk_folders

SUMMARY = "summary.html"
"""Page of a sweep; its rows lead to the reports of its runs."""


def write_reports(
    places: str | Path | Sequence[str | Path], charts: Sequence[str] = (), write: Sequence[str] = ("html",)
) -> tuple[list[Path], list[str]]:
    """Write ``report.html`` of all runs at and below some places, finished or not, and the pages of sweeps anew.

    Args:
        places: Run folders, folders above them at any depth, globs, or a list of them.
        charts: Formats in which the charts of runs are written too, beside their page: ``png``, ``svg``, ``pdf``.
        write: ``html``: the pages; ``methods``: ``methods.md`` and ``references.bib`` of each run.

    Returns:
        The files, pages of sweeps last; and in words what could not be made, where others could.

    Raises:
        DataError: A place does not exist or holds no run, or there is no page that could be made.
    """
    given = [places] if isinstance(places, str | Path) else list(places)
    if not given:
        raise DataError("run: no run folder was given; write for example report outputs/<name>/<date>_<time>_<id>")
    runs, sweeps = _found(given)
    files, failed = [], []
    of_sweeps = sweeps if "html" in write else []
    for make, folders in ((partial(_write_run, charts=charts, write=write), runs), (_write_sweep, of_sweeps)):
        for folder in folders:
            try:
                files += make(folder)
            except DataError as error:
                failed.append(f"{folder}: {error}")
    if failed and not files:
        raise DataError("\n".join(failed))
    return files, failed


def _found(places: Sequence[str | Path]) -> tuple[list[Path], list[Path]]:
    """Run folders and folders of sweeps, each once."""
    runs: dict[Path, None] = {}
    sweeps: dict[Path, None] = {}
    for place in places:
        below = [folder for top in expand_place(place) for folder in walk_folders(top)]
        found = [folder for folder in below if any((folder / name).is_file() for name in ("run.json", "results.json"))]
        if not found:
            raise DataError(
                f"{place} holds no run: no run.json in it or below it. Give run folders or folders above them."
            )
        runs |= dict.fromkeys(found)
        sweeps |= dict.fromkeys(f for f in below if any((f / name).is_file() for name in (MANIFEST, SUMMARY)))
    return list(runs), list(sweeps)


def _write_run(folder: Path, charts: Sequence[str], write: Sequence[str]) -> list[Path]:
    """The page, and before it the pictures that could not be made when the run ended."""
    files = write_run_methods(folder) if "methods" in write else []
    if "html" in write:
        remake(folder)
    for kind in charts:
        files += save_charts(folder, kind)
    return [*files, write_report(folder)] if "html" in write else files


def _write_sweep(folder: Path) -> list[Path]:
    """The page of a sweep; relative links lead to the reports below it, so it is made after them."""
    return [path for path in write_summary(folder) if path.name == SUMMARY]
