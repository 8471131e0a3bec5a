"""Under which numbers W&B and MLflow know a run: a run that goes on from another one is the same run there."""

import re
import threading
from pathlib import Path

from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_json

FILE = "trackers.json"
"""In the run folder: the number of the run by the name of the service."""
_WRITING = threading.Lock()
_LARGEST = 10_000
"""Bytes of the file that are read."""


def keep_id(folder: Path, service: str, number: str) -> None:
    """Writes down the number of a run; services open theirs in threads of their own."""
    with _WRITING:
        RunFolder(folder).write_json(FILE, {**_stored(folder), service: number})


def stored_id(folder: Path | None, service: str) -> str | None:
    """Gives the number under which a service knows the run of a folder; None where it knows none.

    Args:
        folder: A run folder, of somebody else perhaps: what is no number is passed over.
        service: ``wandb`` or ``mlflow``.
    """
    found = _stored(folder).get(service) if folder is not None else None
    return found if isinstance(found, str) and re.fullmatch(r"[\w-]{1,64}", found) else None


def _stored(folder: Path) -> dict[str, object]:
    path = folder / FILE
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return {}
        content = read_json(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
