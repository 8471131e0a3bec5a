"""Paths in the states of callbacks that a checkpoint holds: Lightning removes the files that some of them name."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from segexp.errors import StoredError

FOLDER = "dirpath"
KEYS = ("best_model_path", "kth_best_model_path", "last_model_path")


def refuse_paths(states: Mapping[str, Any], source: Path) -> None:
    """Refuses a checkpoint of a run that would have files removed which are not its own.

    ModelCheckpoint takes over which file was worst so far, and removes it, whatever it is, for a better one.

    Args:
        states: ``callbacks`` of a checkpoint.
        source: Its file.

    Raises:
        StoredError: A path lies out of the folder of its callback.
    """
    for name, state in states.items():
        if not isinstance(state, Mapping) or FOLDER not in state:
            continue
        folder = str(state[FOLDER] or "")
        for key, path in _paths(state):
            if not _lies_in(folder, path):
                raise StoredError(
                    f"{source}: callbacks.{name}.{key}: found {path!r}, a file out of its folder {folder!r}; it is not "
                    "taken from a file. Start anew without resume"
                )


def _paths(state: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from ((key, str(state[key])) for key in KEYS if state.get(key))
    several = state.get("best_k_models")
    yield from (("best_k_models", str(path)) for path in (several if isinstance(several, Mapping) else ()))


def _lies_in(folder: str, path: str) -> bool:
    if "://" in folder:
        return path.startswith(f"{folder.rstrip('/')}/") and ".." not in path.split("/")
    return "://" not in path and Path(folder).resolve() in Path(path).resolve().parents
