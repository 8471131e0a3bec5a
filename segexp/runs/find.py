"""Finds finished runs at and below folders and globs, and says which runs are left out."""

import glob
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.errors import DataError, one_line
from segexp.runs import entries
from segexp.runs.contents import RunContents, read_run
from segexp.runs.manifest_files import MANIFEST, read_manifest
from segexp.runs.near_paths import near_paths
from segexp.runs.paths import path_inside

FINISHED = "finished"


@dataclass(frozen=True)
class LeftOut:
    """A run, or a job of a sweep, that has no figures to compare.

    Attributes:
        name: Its folder's name, or what the job was to run.
        state: ``running``, ``failed``, ``interrupted`` ...
        reason: In words; may be empty.
        path: Its folder, if there is one.
    """

    name: str
    state: str
    reason: str = ""
    path: Path | None = None

    def __str__(self) -> str:
        """One line for notes."""
        return f"{self.name} ({self.state})" + (f": {self.reason}" if self.reason else "")


def find_runs(places: Sequence[str | Path]) -> tuple[list[RunContents], list[LeftOut]]:
    """Reads all runs at and below some places.

    Args:
        places: Run folders, folders above them at any depth, or globs.

    Returns:
        Finished runs with figures of test images, each once, in the order of the places; and what is left out.

    Raises:
        DataError: A place does not exist, a glob matches nothing, or no run lies there at all.
    """
    if not places:
        raise DataError("no run folders were given; write for example: compare outputs/a outputs/b")
    folders: dict[Path, None] = {}
    sweeps: dict[Path, None] = {}
    for place in places:
        found = [folder for top in expand_place(place) for folder in walk_folders(top)]
        folders |= dict.fromkeys(folder for folder in found if (folder / "run.json").is_file())
        sweeps |= dict.fromkeys(folder for folder in found if (folder / MANIFEST).is_file())
        if not any((folder / "run.json").is_file() for folder in found):
            raise DataError(
                f"{place} holds no run: no run.json in it or below it. Give run folders, such as "
                "outputs/<name>/<date>_<time>_<id>, folders above them, or globs."
            )
    jobs = [job for sweep in sweeps for job in _unfinished(sweep)]
    by_path = {job.path.resolve(): job for job in jobs if job.path is not None}
    read = [_read(folder) for folder in folders]
    # A run that was killed still says that it is running; its sweep knows better.
    left_out = [by_path.get(entry.path.resolve(), entry) for entry in read if isinstance(entry, LeftOut) and entry.path]
    known = {folder.resolve() for folder in folders}
    left_out += [job for job in jobs if job.path is None or job.path.resolve() not in known]
    return [entry for entry in read if isinstance(entry, RunContents)], left_out


def expand_place(place: str | Path) -> list[Path]:
    """Expands a path to itself, or a glob to the folders it matches.

    Raises:
        DataError: It does not exist, is a file, or matches nothing.
    """
    path = Path(place)
    if path.is_dir():
        return [path]
    if path.exists():
        raise DataError(f"{place} is a file; give the folder of a run, or a folder above runs")
    matches = [Path(match) for match in sorted(glob.glob(str(place), recursive=True))]  # noqa: PTH207 - absolute ones too
    if not matches:
        raise DataError(
            f"{place}: no such folder" + (", nothing matches" if glob.has_magic(str(place)) else near_paths(place))
        )
    return [match for match in matches if match.is_dir()]


def sweep_of(run: Path) -> str:
    """Name of the sweep whose folder a run lies in; empty: it lies in none."""
    above = run.resolve().parent
    return above.name if (above / MANIFEST).is_file() else ""


def walk_folders(top: Path) -> Iterator[Path]:
    """Yields ``top`` and the folders below it, in order of their names; folders inside a run are left out."""
    for folder, below, files in os.walk(top):
        if "run.json" in files:
            below.clear()
        below[:] = sorted(name for name in below if not name.startswith("."))
        yield Path(folder)


def _read(folder: Path) -> RunContents | LeftOut:
    try:
        contents = read_run(folder)
    except (DataError, OSError) as error:
        return LeftOut(folder.name, "unreadable", one_line(error), folder)
    state = entries.to_text(contents.run.get("state")) or "state unknown"
    if state != FINISHED:
        return LeftOut(folder.name, state, _first_line(contents.run.get("error")), folder)
    if not entries.rows_of(contents.results):
        return LeftOut(folder.name, state, "results.json holds no figures", folder)
    return contents


def _unfinished(sweep: Path) -> Iterator[LeftOut]:
    """Jobs of a sweep that have not finished, with or without a folder."""
    try:
        content = read_manifest(sweep)
    except (DataError, OSError) as error:
        yield LeftOut(MANIFEST, "unreadable", one_line(error), None)
        return
    listed = entries.get_in(content, "jobs")
    for job in listed if isinstance(listed, list) else ():
        if isinstance(job, Mapping) and job.get("state") != FINISHED:
            folder = path_inside(sweep, job.get("folder"))
            yield LeftOut(_job_name(job), entries.to_text(job.get("state")), _first_line(job.get("error")), folder)


def _first_line(error: object) -> str:
    return next(iter(entries.to_text(error).strip().splitlines()), "")


def _job_name(job: Mapping[str, Any]) -> str:
    overrides = job.get("overrides")
    named = " ".join(map(str, overrides)) if isinstance(overrides, list) else ""
    return named or entries.to_text(job.get("label")) or f"job {entries.to_text(job.get('number'))}"
