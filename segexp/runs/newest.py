"""The newest run below a folder, which the word ``last`` of a command line stands for."""

from datetime import datetime
from itertools import islice
from pathlib import Path

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import DataError, SegexpError
from segexp.runs.attempts import is_evaluation, record_of
from segexp.runs.entries import to_time
from segexp.runs.find import walk_folders
from segexp.runs.manifest_files import MANIFEST, read_manifest

LAST = "last"
"""The word. A path of that name is meant where there is one."""
OUTPUTS = "outputs"
"""Where runs lie unless a command says otherwise: ``output_dir`` of conf/train.yaml."""


def newest_run(top: Path, *, single: bool = False) -> Path:
    """Finds the run that was started last; of several started in one second the last by its path.

    Folders whose run.json cannot be read or tells no time, and evaluations of other runs, are passed over.

    Args:
        top: Folder of runs, at any depth below it.
        single: Whether jobs of sweeps, which their sweep goes on with, are passed over.

    Raises:
        DataError: There is none.
    """
    best: tuple[datetime, str] | None = None
    sweep: Path | None = None
    for folder in runs_by_change(top):
        if single and (folder.parent / MANIFEST).is_file():
            sweep = sweep or folder.parent
            continue
        # A file is not older than the start that it tells of.
        if best is not None and _changed(folder) < best[0].timestamp():
            break
        record = record_of(folder)
        started = to_time(record.get("started"))
        if started is not None and not is_evaluation(record):
            best = max(best or (started, str(folder)), (started, str(folder)))
    if best is None and sweep is not None:
        line = command_line(["-m", hydra_override("sweep.resume", str(sweep))])
        raise DataError(f"{LAST}: {top} holds jobs of sweeps alone, which their sweep goes on with: {line}")
    if best is None:
        raise DataError(f"{LAST}: no run lies in {top} (looked in {top.absolute()}); give the path of a run folder")
    return Path(best[1])


def newest_sweep(top: Path) -> Path:
    """Finds the sweep that was made last; of several made in one second the last by its path.

    Args:
        top: Folder of runs, at any depth below it.

    Raises:
        DataError: There is none.
    """
    found = [(_made(folder), str(folder)) for folder in walk_folders(top) if (folder / MANIFEST).is_file()]
    if not found:
        raise DataError(f"{LAST}: no sweep lies in {top} (looked in {top.absolute()}); give the folder of a sweep")
    return Path(max(found)[1])


def _made(sweep: Path) -> float:
    """Seconds since 1970 at which a sweep was made, as its manifest tells; else when its manifest was written."""
    try:
        made = to_time(read_manifest(sweep).get("created"))
        return made.timestamp() if made is not None else (sweep / MANIFEST).stat().st_mtime
    except (OSError, ValueError, SegexpError):
        return 0.0


def runs_by_change(top: Path, most: int | None = None) -> list[Path]:
    """Lists the run folders at and below a folder, those whose run.json was written last first.

    Args:
        top: The folder.
        most: Folders that are looked into; None: all.
    """
    folders = islice(walk_folders(top), most)
    found = [(_changed(folder), folder) for folder in folders if (folder / "run.json").is_file()]
    return [folder for _, folder in sorted(found, reverse=True)]


def _changed(folder: Path) -> float:
    """Seconds since 1970 at which run.json was last written; 0 where it has gone in the meantime."""
    try:
        return (folder / "run.json").stat().st_mtime
    except OSError:
        return 0.0
