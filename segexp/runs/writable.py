"""Finds out whether files can be written into a folder, before anything is computed for them."""

import errno
import os
import shutil
import tempfile
from pathlib import Path

from segexp.errors import ConfigError

PAGES = 4 * 2**20
"""Bytes that pictures, tables and page of a small run take."""
_LONGEST = 4000
"""Bytes of a whole path that systems take, names of the files below it left out."""
_TRIED = 4096
"""Bytes that are written for a trial; a full disk may still have room for an empty file."""


def check_place(folder: Path, key: str, need: int = PAGES, checkpoints: int = 0, anyway: str = "") -> None:
    """Checks that files can be written below a folder, which may not be there yet; leaves nothing behind.

    Args:
        folder: Where files are to lie.
        key: Of the config, for the message.
        need: Bytes that they take, checkpoints left out.
        checkpoints: Bytes of these.
        anyway: Word for the command line with which their room is not asked for.

    Raises:
        ConfigError: They cannot; names the place and the cause.
    """
    there = next(place for place in (folder, *folder.parents, Path()) if os.path.lexists(place))
    if there.is_symlink() and not there.exists():
        raise ConfigError(f"{key}: {there} is a link to {there.readlink()}, which is not there; make it, or {_OTHER}")
    if not there.is_dir():
        raise ConfigError(f"{key}: {there} is a file, expected a folder; {_OTHER}")
    try:
        _refuse_long(folder, there, key)
        with tempfile.TemporaryFile(dir=there) as stream:
            stream.write(b"\0" * _TRIED)
            stream.flush()
        free = shutil.disk_usage(there).free
    except OSError as error:
        raise unwritable(error, there, key) from error
    if free < need + checkpoints:
        parts = f" (checkpoints {_size(checkpoints)}, tables and pictures {_size(need)})" if checkpoints else ""
        start = f", or start all the same with {anyway}" if anyway and checkpoints and free >= need else ""
        raise ConfigError(
            f"{key}: {_size(free)} are free in {there}, expected {_size(need + checkpoints)} or more for what is "
            f"written there{parts}; make room, or {_OTHER}{start}"
        )


def unwritable(error: OSError, folder: Path, key: str) -> ConfigError:
    """Turns an error of the system about a folder into one of the config key that names it."""
    cause = _CAUSES.get(error.errno or 0, error.strerror or str(error))
    return ConfigError(f"{key}: nothing can be written into {folder} ({cause}); {_OTHER}")


_OTHER = "give another folder"
_CAUSES = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "a read-only file system",
    errno.EACCES: "no permission",
    errno.EPERM: "no permission",
    errno.ENOTDIR: "a part of it is a file",
    errno.EEXIST: "there is a file of that name",
    errno.ENAMETOOLONG: "the name is too long",
}


def _refuse_long(folder: Path, there: Path, key: str) -> None:
    longest = os.pathconf(there, "PC_NAME_MAX")
    new = folder.parts[len(there.parts) :] if there != Path() else folder.parts
    for name in new:
        if (length := len(os.fsencode(name))) > longest:
            raise ConfigError(f"{key}: {name[:20]}... has {length} bytes, expected {longest} at most; {_OTHER}")
    if (length := len(os.fsencode(folder.absolute()))) > _LONGEST:
        raise ConfigError(f"{key}: the path has {length} bytes, expected {_LONGEST} at most; {_OTHER}")


def _size(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"
