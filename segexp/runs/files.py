"""Write a file whole or not at all, also when the power goes."""

import errno
import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SYNCED_AT_ONCE = 16


def replace_file(path: Path, content: bytes) -> Path:
    """Put ``content`` at ``path`` so that neither a reader nor a power cut ever sees half of it.

    Args:
        path: Target; missing parent folders are made, an existing file is replaced.
        content: The whole file.

    Returns:
        ``path``.

    Raises:
        OSError: The folder cannot be written; the old file, if any, is untouched.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = ""
    try:
        # same folder, since os.replace is atomic within one file system only
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            # The new name may reach the disk before the content does, unless it is told to wait.
            os.fsync(stream.fileno())
        _give_usual_rights(Path(temporary))
        Path(temporary).replace(path)
    except BaseException as error:
        if isinstance(error, OSError) and error.errno is not None:
            error.filename = str(path)  # of a disk that is full the system names nothing, else the temporary file
        if temporary:
            Path(temporary).unlink(missing_ok=True)
        raise
    sync(path.parent)
    return path


def sync(path: Path) -> None:
    """Waits until a file, or the list of names of a folder, is on the disk; Windows opens no folders."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except PermissionError:
        if path.is_dir():
            return
        raise
    try:
        os.fsync(handle)
    except OSError as error:
        # Where only what was opened to be written can wait.
        if error.errno != errno.EBADF:
            raise
    finally:
        os.close(handle)


def sync_tree(folder: Path) -> None:
    """Waits until everything below a folder is on the disk."""
    files, places = [], []
    for place, _, names in os.walk(folder):
        places.append(Path(place))
        files += [path for name in names if (path := Path(place) / name).is_file() and not path.is_symlink()]
    # A file system that is asked for many files at once writes them together.
    with ThreadPoolExecutor(SYNCED_AT_ONCE) as pool:
        for paths in (files, places):
            list(pool.map(sync, paths))


def _give_usual_rights(path: Path) -> None:
    """Undo the 0600 of mkstemp: a run folder is often shared with a group."""
    mask = os.umask(0)
    os.umask(mask)
    path.chmod(0o666 & ~mask)
