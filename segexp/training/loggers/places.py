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
        make: Its class, whose own defaults count; one that asks for a ``save_dir`` gets the run folder.
        folder: The run folder.
    """
    known = inspect.signature(make).parameters
    found = {key: known[key].default for key in KEYS if key in known and isinstance(known[key].default, str)}
    if USUAL in known:
        found.setdefault(USUAL, ".")
    for key in KEYS:
        given = settings.get(key, found.get(key))
        if isinstance(given, str) and "://" not in given and not Path(given).expanduser().is_absolute():
            found[key] = str(folder / given)
    return {**settings, **found}
