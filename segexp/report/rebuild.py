"""Pages made again from folders alone: of runs, of the sweeps above them, and of all runs below a folder."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from segexp.errors import DataError
from segexp.report.comparison_page.compare import write_summary
from segexp.report.gallery_page.page import GALLERY, write_gallery
from segexp.report.methods.paragraph import write_run_methods
from segexp.report.run_page.charts.files import save_charts
from segexp.report.run_page.page import REPORT, refreshes, write_report
from segexp.report.run_page.rebuilt_pictures import remake
from segexp.runs.attempts import RUNNING, record_of, state_of
from segexp.runs.find import expand_place, walk_folders
from segexp.runs.manifest_files import MANIFEST

SUMMARY = "summary.html"
"""Page of a sweep; its rows lead to the reports of its runs."""


Pages = Literal["all", "missing", "none"]
Writer = tuple[Callable[[Path], list[Path]], Sequence[Path]]
"""What makes files of a folder, and the folders that it is called for."""


def write_reports(
    places: str | Path | Sequence[str | Path],
    charts: Sequence[str] = (),
    pages_of_runs: Pages = "all",
    write: Sequence[str] = ("html",),
) -> tuple[list[Path], list[str]]:
    """Write ``report.html`` of all runs at and below some places, finished or not, and the pages above them anew.

    A sweep gets its ``summary.html``; any other folder that is given and holds runs gets a ``gallery.html`` of them.

    Args:
        places: Run folders, folders above them at any depth, globs, or a list of them.
        charts: Formats in which the charts of runs are written too, beside their page: ``png``, ``svg``, ``pdf``.
        pages_of_runs: Which of the pages of runs and sweeps are made: ``all``, those that are ``missing``, or ``none``,
            so that galleries alone are. The page that a training keeps up to date is left to it; once no process
            does, it is missing.
        write: ``html``: the pages; ``methods``: ``methods.md`` and ``references.bib`` of each run.

    Returns:
        The files, pages of sweeps after those of runs, galleries last, and among them the pages of runs under way,
        which stay as they are; and in words what could not be made, where other files could.

    Raises:
        DataError: A place does not exist or holds no run, or there is no page that could be made.
    """
    given = [places] if isinstance(places, str | Path) else list(places)
    if not given:
        raise DataError("run: no run folder was given; write for example report outputs/<name>/<date>_<time>_<id>")
    runs, sweeps = _found(given)
    methods = runs if "methods" in write else []
    writers: list[Writer] = [(write_run_methods, methods), (partial(_write_charts, kinds=charts), runs)]
    if pages_of_runs != "all":
        wanted = pages_of_runs == "missing"
        runs = [run for run in runs if wanted and not _has_page(run)]
        sweeps = [sweep for sweep in sweeps if wanted and not (sweep / SUMMARY).is_file()]
    if "html" in write:
        writers += [(_write_run, runs), (_write_sweep, sweeps), (lambda top: [write_gallery(top)], _tops(given))]
    files, failed = _written(writers)
    if pages_of_runs == "none" and not files:
        raise DataError(
            f"pages=none makes the {GALLERY} of folders above runs alone, and {given[0]} is none; leave it out for "
            "pages of runs and sweeps"
        )
    return files, failed


def _written(writers: Sequence[Writer]) -> tuple[list[Path], list[str]]:
    """The files; what could not be made is said once, by folder.

    Raises:
        DataError: Nothing could be made.
    """
    files: list[Path] = []
    failed: dict[str, None] = {}
    for make, folders in writers:
        for folder in folders:
            try:
                files += make(folder)
            except DataError as error:
                failed[f"{folder}: {error}"] = None
    if failed and not files:
        raise DataError("\n".join(failed))
    return files, list(failed)


def _tops(places: Sequence[str | Path]) -> list[Path]:
    """Folders, each once, that were given as such and are above runs: neither a run nor a sweep, which has its page.

    A summary.html alone makes no sweep: ``compare`` writes one into any folder.
    """
    own = ("run.json", "results.json", MANIFEST)
    tops = dict.fromkeys(Path(place) for place in places if Path(place).is_dir())
    return [top for top in tops if not any((top / name).is_file() for name in own)]


def _found(places: Sequence[str | Path]) -> tuple[list[Path], list[Path]]:
    """Run folders and folders of sweeps, each once: no pages that ``compare`` has left, which has keys of its own."""
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
        sweeps |= dict.fromkeys(folder for folder in below if (folder / MANIFEST).is_file())
    return list(runs), list(sweeps)


def _write_charts(folder: Path, kinds: Sequence[str]) -> list[Path]:
    return [file for kind in kinds for file in save_charts(folder, kind)]


def _has_page(run: Path) -> bool:
    """Whether a run has its page: the last one that a training wrote of itself before it was killed is none."""
    page = run / REPORT
    return page.is_file() and (not refreshes(page) or _is_under_way(run))


def _is_under_way(run: Path) -> bool:
    return state_of(run, record_of(run).get("state")) == RUNNING


def _write_run(folder: Path) -> list[Path]:
    """The page, and before it the pictures that could not be made when the run ended; a live one is left as it is."""
    if refreshes(folder / REPORT) and _is_under_way(folder):
        return [folder / REPORT]
    remake(folder)
    return [write_report(folder)]


def _write_sweep(folder: Path) -> list[Path]:
    """The page of a sweep; relative links lead to the reports below it, so it is made after them."""
    return [path for path in write_summary(folder) if path.name == SUMMARY]
