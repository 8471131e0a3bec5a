"""Recognises what the system itself refused (memory, open files, room on the disk), whatever library passed it on.

Libraries wrap such errors in their own: Pillow, GDAL and torch say that a file is damaged, or that an "enforce" failed.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from segexp.errors import ResourceError, SegexpError, one_line
from segexp.system.free_memory import free_memory

_ROOM = "make room there, or give another folder"
_MOUNT = "look at the disk or network drive, and give the same command again"
_FILES = "allow more (ulimit -n 4096), or use fewer loading processes (datamodule.loader.num_workers=0)"
_MEMORY = (
    "close other programs, or use smaller images, a smaller batch_size or fewer loading processes "
    "(datamodule.loader.num_workers=0)"
)
_RIGHTS = "allow it (chmod, chown), or give another folder"
_WORDS: dict[int, tuple[str, str]] = {
    errno.EMFILE: ("too many open files in this process", _FILES),
    errno.ENFILE: ("too many open files on this machine", "close other programs"),
    errno.ENOMEM: ("not enough memory", _MEMORY),
    errno.ENOSPC: ("no space left on the disk", _ROOM),
    errno.EDQUOT: ("the disk quota is used up", _ROOM),
    errno.EFBIG: ("the file is larger than this file system or the limit of the process allows", _ROOM),
    errno.EROFS: ("a read-only file system", "give another folder"),
    errno.EACCES: ("no permission", _RIGHTS),
    errno.EPERM: ("no permission", _RIGHTS),
    errno.EIO: ("the disk or network drive failed (input/output error)", _MOUNT),
    errno.ESTALE: ("the network drive has lost the file (stale file handle)", _MOUNT),
    errno.ENOTCONN: ("the network drive is not connected", _MOUNT),
    errno.ETIMEDOUT: ("the network drive does not answer", _MOUNT),
    errno.EHOSTDOWN: ("the network drive does not answer", _MOUNT),
    errno.ENXIO: ("the device does not answer", _MOUNT),
}
_IN_TEXT = (
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.ESTALE,
)  # fmt: skip
"""Those that are known by the system's sentence where a library kept nothing else of them."""
_NO_MEMORY = ("defaultcpuallocator", "can't allocate memory", "insufficient memory")
"""How torch and OpenCV say it. Of a damaged file, too, libraries say that they are "out of memory"."""
_NO_PRIMITIVE = ("could not create a primitive", "could not create a memory")
"""How oneDNN says it, and says of other things too."""
_BROKE_OFF = ("inline_container", "write error", "writing file", "write failed", "failed to write", "tiffappendto")
"""How libraries say that a write failed, without why."""
SHORT = 64 << 20
"""Bytes below which memory counts as used up, where a library does not say why it failed."""
FULL = 1 << 20
"""Bytes below which a disk counts as full, where a library does not say why a write failed."""


@dataclass(frozen=True)
class Cause:
    """Why the system refused.

    Attributes:
        number: Of errno.
        path: Of the file, where the error names one.
    """

    number: int
    path: str | None = None

    @property
    def words(self) -> str:
        """Sentence that says what the system refused."""
        return _WORDS[self.number][0]

    @property
    def advice(self) -> str:
        """Sentence that says what can be done about it."""
        return _WORDS[self.number][1]

    @property
    def is_of_the_machine(self) -> bool:
        """True where another moment or machine would do: not so for a lack of rights."""
        return self.number not in (errno.EACCES, errno.EPERM, errno.EROFS)


def cause_of(error: BaseException, written: Path | None = None) -> Cause | None:
    """Finds the first refusal of the system among an error and those that it arose from; None: it is of another kind.

    Args:
        error: Any error.
        written: What was being written; where a library only says that writing failed, the disk is looked at.
    """
    chain = list(_chain(error))
    path = next((_path(one) for one in chain if _path(one)), None)
    for one in chain:
        number = _number(one)
        # What was merely being dealt with when an error came up says nothing about rights.
        if number is not None and (number in _IN_TEXT or one in (error, error.__cause__)):
            return Cause(number, path)
    broke_off = any(word in str(one).lower() for one in chain for word in _BROKE_OFF)
    if written is not None and broke_off and _is_full(written):
        return Cause(errno.ENOSPC, path)
    return None


def resource_error(error: BaseException, what: str, written: Path | None = None) -> ResourceError | None:
    """Makes a one-line error of a refusal of the machine; None: the error is of another kind.

    Args:
        error: Any error.
        what: What was being done: the name of the file, as a rule; empty: the file that the error names.
        written: Path that was being written; where a library only says that writing failed, its disk is looked at.
    """
    cause = cause_of(error, written)
    return None if cause is None or not cause.is_of_the_machine else ResourceError(describe_cause(cause, what))


def describe_cause(cause: Cause, what: str = "") -> str:
    """``<what>: no space left on the disk; make room there``; without ``what`` the file that the error names."""
    named = what or cause.path
    return f"{named}: {cause.words}; {cause.advice}" if named else f"{cause.words}; {cause.advice}"


def reason_of(error: BaseException) -> str:
    """Why something failed, for brackets: what the system refused in plain words, any other error in a line."""
    cause = cause_of(error)
    return cause.words if cause else one_line(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        waiting += [one.__cause__, one.__context__]


def _number(error: BaseException) -> int | None:
    if isinstance(error, MemoryError):
        return errno.ENOMEM
    if isinstance(error, OSError) and error.errno in _WORDS:
        return error.errno
    if isinstance(error, SegexpError):
        return None  # a sentence of our own about a file may speak of anything
    text = str(error).lower()
    found = [number for number in _IN_TEXT if os.strerror(number).lower() in text]
    if found:
        return found[0]
    if any(words in text for words in _NO_MEMORY):
        return errno.ENOMEM
    return errno.ENOMEM if any(words in text for words in _NO_PRIMITIVE) and _is_short_of_memory() else None


def _is_short_of_memory() -> bool:
    """Whether the machine, or the limit of this process, leaves less than :data:`SHORT`."""
    free = free_memory()
    if free is not None and free < SHORT:
        return True
    try:
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        return limit != resource.RLIM_INFINITY and limit - pages * resource.getpagesize() < SHORT
    except (ImportError, OSError, ValueError):
        return False


def _path(error: BaseException) -> str | None:
    name = getattr(error, "filename", None) if isinstance(error, OSError) else None
    return os.fsdecode(name) if isinstance(name, str | bytes) else None


def _is_full(path: Path) -> bool:
    folder = next((above for above in (path, *path.parents) if above.is_dir()), None)
    try:
        return folder is not None and shutil.disk_usage(folder).free < FULL
    except OSError:
        return False
