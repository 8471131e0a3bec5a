"""What a run folder says of itself, and each of its checkpoints, as plain values."""

from collections.abc import Collection
from pathlib import Path
from typing import Any

from segexp.config.migration import migrated_stored
from segexp.config.stored.check import check_stored
from segexp.errors import DataError, SegexpError
from segexp.inspection.file_contents.contents import read_contents
from segexp.inspection.file_contents.facts import file_contents_facts
from segexp.runs.contents import RunContents, read_run
from segexp.runs.entries import get_in, to_text
from segexp.runs.json_yaml import read_yaml
from segexp.runs.paths import path_inside

_CHECKPOINTS = ("best.ckpt", "last.ckpt")


def run_folder_facts(folder: Path, trust: Collection[str] = ()) -> dict[str, Any]:
    """Gives what a run says of itself, whether ``from=`` takes its config, and what its checkpoints hold.

    Args:
        folder: The run folder.
        trust: Packages beside segexp's own whose classes it may name.

    Raises:
        DataError: It is none.
    """
    contents = read_run(folder)
    why = _why_not_from(folder, trust)
    return {
        "file": str(folder),
        "bytes": sum(path.lstat().st_size for path in folder.iterdir() if path.is_file() and not path.is_symlink()),
        "kind": "run folder",
        **_record(contents),
        "from": {"takes_it": not why, "why_not": why or None},
        "checkpoints": [_checkpoint(folder, name, trust) for name in _CHECKPOINTS if _lies_there(folder, name)],
    }


def _record(contents: RunContents) -> dict[str, Any]:
    run = contents.run
    return {
        "name": run.get("name"),
        "state": run.get("state"),
        "started": run.get("started"),
        "segexp": to_text(get_in(run, "versions", "segexp")) or None,
        "commit": to_text(get_in(run, "git", "commit")) or None,
        "model_name": to_text(get_in(run, "model", "name")) or None,
        "data_name": to_text(get_in(run, "data", "name")) or None,
        "tested": bool(contents.results.get("rows")),
    }


def _why_not_from(folder: Path, trust: Collection[str]) -> str:
    source = folder / "config.yaml"
    try:
        check_stored(migrated_stored(read_yaml(source), source), source, trust)
    except SegexpError as error:
        return str(error)
    except (OSError, ValueError) as error:
        return f"{source}: cannot be read ({error})"
    return ""


def _lies_there(folder: Path, name: str) -> bool:
    path = folder / "checkpoints" / name
    return path.is_file() or path.is_symlink()


def _checkpoint(folder: Path, name: str, trust: Collection[str]) -> dict[str, Any]:
    path = path_inside(folder, f"checkpoints/{name}")
    try:
        if path is None:
            raise DataError(f"{folder / 'checkpoints' / name}: is a link out of {folder}")
        return file_contents_facts(read_contents(path), trust)
    except DataError as error:
        return {"file": str(folder / "checkpoints" / name), "kind": "unreadable", "why": str(error)}
