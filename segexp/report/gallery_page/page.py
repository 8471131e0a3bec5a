"""gallery.html: all runs below a folder on one page that needs nothing else."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from segexp.report.gallery_page.entry import GalleryEntry, read_entry
from segexp.report.gallery_page.thumbnail import share_of_bytes
from segexp.report.overall_figures import shown_text
from segexp.report.page_template import load_template
from segexp.report.values import format_duration, format_measure
from segexp.runs.files import replace_file
from segexp.runs.find import sweep_of, walk_folders
from segexp.runs.text import printable, utf8

GALLERY = "gallery.html"
"""Name of the page, in the folder above the runs."""
MOST_RUNS = 5000
"""Rows of a page, the newest; with more it would be too heavy to open."""
SUMMARY_OF_SWEEP = "summary.html"
MOST_MEASURES = 80
"""Measures to choose from."""


def write_gallery(top: Path) -> Path:
    """Writes ``gallery.html`` into a folder, of all runs below it at any depth, from their plain files alone.

    Args:
        top: A folder that holds runs. Folders whose files are damaged stand there with the reason.

    Returns:
        The page: pictures are embedded, nothing is loaded from elsewhere, links lead to the reports beside it.

    Raises:
        OSError: The folder cannot be written.
    """
    folders = sorted(run_folders(top), key=_last_change, reverse=True)
    share = share_of_bytes(min(len(folders), MOST_RUNS))
    found = [read_entry(folder, top, share) for folder in folders[:MOST_RUNS]]
    earliest = datetime.min.replace(tzinfo=UTC)
    found.sort(key=lambda entry: entry.started or earliest, reverse=True)
    page = load_template("gallery.html.j2").render(_content(top, found, len(folders)))
    return replace_file(top / GALLERY, utf8(page))


def run_folders(top: Path) -> list[Path]:
    """Lists the folders of runs at and below a folder, also those that a crash or a copy left without their record."""
    return [folder for folder in walk_folders(top) if _is_run(folder)]


def _is_run(folder: Path) -> bool:
    own = any((folder / name).is_file() for name in ("run.json", "results.json"))
    return own or all((folder / name).is_file() for name in ("config.yaml", "log.txt"))


def _last_change(folder: Path) -> float:
    try:
        return folder.stat().st_mtime
    except OSError:
        return 0.0


def _content(top: Path, found: Sequence[GalleryEntry], there: int) -> dict[str, Any]:
    """All that the template shows."""
    measures = _measures(found)
    return {
        "title": f"Runs in {printable(top.resolve().name or str(top))}",
        "count": len(found),
        "left_out": there - len(found),
        "states": _counts(entry.state for entry in found),
        "made": datetime.now().astimezone().strftime("%Y-%m-%d %H:%M"),
        "filters": [
            ("data", "data set", _counts(entry.data for entry in found)),
            ("model", "model", _counts(entry.model for entry in found)),
            ("task", "task", _counts(entry.task for entry in found)),
            ("tag", "tag", _counts(tag for entry in found for tag in entry.tags)),
            ("state", "state", _counts(entry.state for entry in found)),
        ],
        "measures": [(label, number) for label, (number, _) in measures.items()],
        "rows": [_row(entry, top) for entry in found],
        "data": _script_data(found, measures),
    }


def _counts(names: Any) -> list[tuple[str, int]]:
    """Names with how many runs have each, in the order of the alphabet; nameless ones are left out."""
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return sorted((pair for pair in counts.items() if pair[0]), key=lambda pair: pair[0].lower())


def _measures(found: Sequence[GalleryEntry]) -> dict[str, tuple[int, bool]]:
    """By label, how many runs have a figure and whether less is better; those of most runs first."""
    counts: dict[str, tuple[int, bool]] = {}
    for entry in found:
        for figure in entry.figures:
            counts[figure.label] = (counts.get(figure.label, (0, False))[0] + 1, figure.lower)
    return dict(sorted(counts.items(), key=lambda pair: -pair[1][0])[:MOST_MEASURES])


def _row(entry: GalleryEntry, top: Path) -> dict[str, Any]:
    main = entry.figures[0] if entry.figures else None
    sweep = _sweep(entry.path, top)
    return {
        "entry": entry,
        "place": printable(entry.path.relative_to(top).as_posix() if entry.path != top else entry.path.name),
        "sweep": sweep,
        "started": entry.started.strftime("%Y-%m-%d %H:%M") if entry.started else "",
        "moment": entry.started.timestamp() if entry.started else "",
        "took": format_duration(entry.seconds) if entry.seconds is not None else "",
        "figure": format_measure(main.value, main.digits) if main else "",
        "main": main,
    }


def _sweep(run: Path, top: Path) -> tuple[str, str] | None:
    """Name of the sweep that a run below ``top`` is of, and the address of its page; empty: it has none."""
    name = "" if run == top else sweep_of(run)
    if not name:
        return None
    page = run.parent / SUMMARY_OF_SWEEP
    return shown_text(name), quote(page.relative_to(top).as_posix()) if page.is_file() else ""


def _script_data(found: Sequence[GalleryEntry], measures: dict[str, tuple[int, bool]]) -> str:
    """Figures of the rows for the script, as JSON that cannot end the element around it."""
    numbers = {label: number for number, label in enumerate(measures)}
    content = {
        "lower": [lower for _, lower in measures.values()],
        "rows": [
            [
                [numbers[figure.label], figure.value, format_measure(figure.value, figure.digits)]
                for figure in entry.figures
                if figure.label in numbers
            ]
            for entry in found
        ],
        "tags": [list(entry.tags) for entry in found],
    }
    text = json.dumps(content, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
