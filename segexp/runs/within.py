"""Places that a stored file names: they lie in its own folder, or are not taken."""

import os
from pathlib import Path

from segexp.config.stored import leaves
from segexp.errors import StoredError


def within(folder: Path, named: object, source: str) -> Path:
    """The path of a file or folder that a stored file names, to write there.

    Args:
        folder: In which it lies.
        named: What is stored, relative to ``folder``.
        source: File and key, for the message.

    Raises:
        StoredError: It leads elsewhere: by ``..``, as an absolute path, or through a link.
    """
    text = str(named)
    if not text.strip(" .") or "\0" in text or leaves(text):
        raise StoredError(
            f"{source}: found {text!r}, which leads out of {folder}; such a path is not taken from a file"
        )
    if links_out(folder, folder / text):
        raise StoredError(f"{source}: found {text!r}, a link out of {folder}; remove it, or put a copy in its place")
    return folder / text


def links_out(folder: Path, path: Path) -> bool:
    """Whether a path that is written below a folder lies elsewhere, because of a link on the way."""
    try:
        return not path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError):
        # A link to itself.
        return True


def refuse_links(folder: Path) -> None:
    """Refuses a folder that holds a link to a place elsewhere: what is written there would change files of others.

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
