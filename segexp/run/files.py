"""Write a file whole or not at all."""

import os
import tempfile
from pathlib import Path


def replace_file(path: Path, content: bytes) -> Path:
    """Put ``content`` at ``path`` so that a reader never sees half of it.

    Args:
        path: Target; missing parent folders are made, an existing file is replaced.
        content: The whole file.

    Returns:
        ``path``.

    Raises:
        OSError: The folder cannot be written; the old file, if any, is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # same folder, since os.replace is atomic within one file system only
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
        _give_usual_rights(Path(temporary))
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _give_usual_rights(path: Path) -> None:
    """Undo the 0600 of mkstemp: a run folder is often shared with a group."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
