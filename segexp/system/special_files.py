"""Files that are none to read: named pipes, sockets and devices never end, broken links lead nowhere."""

import os
import stat
from pathlib import Path

_KINDS = {
    stat.S_IFIFO: "a named pipe (FIFO)",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def special_kind(mode: int) -> str | None:
    """Names the kind of a special file by its ``st_mode``; None for regular files and folders."""
    return None if stat.S_ISREG(mode) or stat.S_ISDIR(mode) else _KINDS.get(stat.S_IFMT(mode), "no regular file")


def special_file(path: Path) -> str | None:
    """Names the special file or broken link that a path leads to; None for regular files, folders and nothing."""
    try:
        return special_kind(path.stat().st_mode)
    except OSError:
        return broken_link(path) if path.is_symlink() else None


def broken_link(path: Path) -> str:
    """Describes a link that leads nowhere, or to itself."""
    try:
        goal = os.fsdecode(path.readlink())
        path.stat()
    except FileNotFoundError:
        return f"a link to {goal}, where no file is"
    except OSError:
        return "a link that leads back to itself"
    return "a link"
