"""Callbacks of the user's that write files write them below the run folder, or two runs would mix theirs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback, ModelCheckpoint

FOLDER = "extra"
"""Where callbacks write that were given no folder."""
_KEYS = ("dirpath", "save_dir", "log_dir", "output_dir", "folder")
"""What a folder is called in constructors."""


def place_callbacks(sections: Mapping[str, Mapping[str, Any]], callbacks: Mapping[str, Callback], folder: Path) -> None:
    """Moves relative folders of callbacks below the run folder; an absolute one is meant.

    Args:
        sections: The config of each, by name.
        callbacks: Those that were built from them, by the same names; others stay as they are.
        folder: The run folder.
    """
    for name, section in sections.items():
        callback = callbacks[name]
        for key in _KEYS:
            given = section.get(key)
            if isinstance(given, str) and "://" not in given and not Path(given).expanduser().is_absolute():
                setattr(callback, key, str(folder / given))
        if isinstance(callback, ModelCheckpoint) and section.get("dirpath") is None:
            # Lightning would take a folder named after the first logger.
            callback.dirpath = str(folder / FOLDER)
