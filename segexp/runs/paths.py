"""Paths that a stored file names: only those inside its folder are taken, since anybody may have written them."""

import os
import re
from pathlib import Path

from segexp.config.stored.tree import leads_outside
from segexp.errors import StoredError
from segexp.runs.text import shortened


def path_inside(folder: Path, name: object) -> Path | None:
    """Joins a folder and a name to read from; None where that leads elsewhere, also by a symbolic link.

    Args:
        folder: The folder whose file names it.
        name: Relative or absolute, as a text or path; anything else names nothing.
    """
    if not isinstance(name, str | Path) or not str(name):
        return None
    path = folder / name
    try:
        path.exists()  # raises where no file system has such a name
        return path if path.resolve().is_relative_to(folder.resolve()) else None
    except (OSError, ValueError, RuntimeError):  # too long, a null byte, a circle of links
        return None


def require_inside(folder: Path, named: object, source: str) -> Path:
    """Joins a folder and a name that a stored file gives, to write there.

    Args:
        folder: The folder that the path must lie in.
        named: The stored path, relative to ``folder``.
        source: File and key, for the message.

    Raises:
        StoredError: It leads elsewhere (``..``, an absolute path, a link), or is a name that no file can have.
    """
    text = str(named)
    found = f"{source}: found {shortened(repr(text), 200)}"
    if not text.strip(" .") or "\0" in text or leads_outside(text):
        raise StoredError(f"{found}, which leads out of {folder}; such a path is not taken from a file")
    if links_out(folder, folder / text):
        raise StoredError(f"{found}, a link out of {folder}; remove it, or put a copy in its place")
    try:
        (folder / text).exists()  # raises where no file system has such a name
    except (OSError, ValueError) as error:
        raise StoredError(f"{found}, a name that no file can have; was it edited?") from error
    return folder / text


def links_out(folder: Path, path: Path) -> bool:
    """Tells whether a path written below a folder lies elsewhere, because of a link on the way."""
    try:
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # A link to itself.
        return True


TRACKER = "wandb"
_RUN = re.compile(r"run-.*-")
"""Folder of a run of W&B, ended or killed, which holds links to logs of its own elsewhere; nothing is written there."""


def refuse_links(folder: Path) -> None:
    """Refuses a folder that holds a link to a place elsewhere: what is written there would change files of others.

    Links in the folders of W&B's earlier runs are its own: a run that goes on makes a new one.

    Raises:
        StoredError: It does.
    """
    for place, below, files in os.walk(folder):
        for name in (*below, *files):
            path = Path(place) / name
            if path.is_symlink() and links_out(folder, path):
                raise StoredError(
                    f"{path}: is a link out of {folder}; what goes on there would change other files. Remove it, or "
                    "put a copy in its place"
                )
        if Path(place).name == TRACKER:
            below[:] = [name for name in below if _RUN.search(name) is None]
