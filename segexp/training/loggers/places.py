"""Loggers that know nothing of segexp write their files below the run folder."""

import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

KEYS = ("save_dir", "root_dir", "dir", "log_dir", "offline_directory")
"""What a folder is called in constructors of loggers."""
USUAL = "save_dir"
"""Key of Lightning's loggers: the folder in which they make theirs."""


def with_places(settings: Mapping[str, Any], make: Callable[..., Any], folder: Path) -> dict[str, Any]:
    """Gives the keys of a logger with relative folders below the run folder; an absolute one is meant.

    Args:
        settings: Its block.
        make: Its class; one that takes a ``save_dir`` that the block does not give gets the run folder.
        folder: The run folder.
    """
    found = dict(settings)
    if USUAL in inspect.signature(make).parameters:
        found.setdefault(USUAL, ".")
    for key in KEYS:
        given = found.get(key)
        if isinstance(given, str) and "://" not in given and not Path(given).expanduser().is_absolute():
            found[key] = str(folder / given)
    return found
