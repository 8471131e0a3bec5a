"""One process per folder: a lock with host, number and start of its owner, that ends with the process however it ends.

Where the system has locks of files (``flock``; ``msvcrt.locking`` on Windows) it releases them when the last process
that holds them is gone. What is written in the file tells who it is, also where a file system has no such locks, or
other machines do not see them.
"""

import contextlib
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

from segexp.errors import FolderTakenError, UserError
from segexp.system.process import is_earlier_start, is_running, numbering, start_time

LOCK = ".lock"
PATIENCE = 10.0
"""Seconds to wait for the processes of an owner that was just killed."""
ANY, FREE = "*", "free"
"""Words for owners that cannot be asked; a key has a colon."""
_LONGEST = 400
"""Bytes of a lock file that are read."""
_NAMELESS = 0.5
"""Seconds in which an owner that has just taken a folder writes its name into the file."""
_FAR = 2**30
"""Byte that Windows locks: a locked byte cannot be read, and the first ones are."""


class BusyError(UserError):
    """Another process works in the same folder."""


@dataclass(frozen=True)
class Owner:
    """The process that a lock file names.

    Attributes:
        pid: Its number; 0: the file names none.
        started: When it started, in ticks of its machine; empty where that cannot be asked.
        host: Name of its machine.
        since: Time of day, with zone, at which it took the folder.
        numbering: Which processes its number is one of: those of a start of a machine, and of a container on it. Two
            containers may have one name of a host. Empty where that cannot be asked.
    """

    pid: int = 0
    started: str = ""
    host: str = ""
    since: str = ""
    numbering: str = ""

    @classmethod
    def here(cls) -> "Owner":
        """This process."""
        now = datetime.now().astimezone().isoformat(timespec="seconds")
        return cls(os.getpid(), start_time(os.getpid()), socket.gethostname(), now, numbering())

    @classmethod
    def parse(cls, text: str) -> "Owner":
        """The owner that a lock file names; it may be of anybody, or cut short: then it names none."""
        words = [word if word != "-" else "" for word in text.split()]
        # Those of version 0.1 have no time of day, and no numbering.
        if len(words) not in (3, 4, 5) or not words[0].isdecimal() or not words[0].isascii():
            return cls()
        return cls(int(words[0]), *words[1:])

    @property
    def key(self) -> str:
        """Name of the owner in a word of a command line: ``host:number``."""
        return f"{self.host}:{self.pid}"

    def state(self) -> Literal["running", "gone", "unknown"]:
        """State of the owner: of another machine, and of a file that names nobody, it cannot be told."""
        if not self.pid or self.host != socket.gethostname():
            return "unknown"
        if is_earlier_start(self.numbering, numbering()):
            return "gone"
        if "" not in (self.numbering, numbering()) and self.numbering != numbering():
            return "unknown"
        # Another process may have its number by now.
        same = start_time(self.pid) == self.started if self.started else is_running(self.pid)
        return "running" if same else "gone"

    def is_same(self, other: "Owner") -> bool:
        """Tells whether two owners are one process: machines, and containers of one folder, use the same numbers."""
        one, two = ((each.pid, each.started, each.host, each.numbering) for each in (self, other))
        return one == two

    def line(self) -> str:
        """Content of the lock file."""
        words = (str(self.pid), self.started, self.host, self.since, self.numbering)
        return " ".join(word or "-" for word in words) + "\n"

    def __str__(self) -> str:
        """In words."""
        since = f", since {self.since}" if self.since else ""
        return f"process {self.pid} on {self.host}{since}" if self.pid else "another process"


def owner_of(folder: Path) -> Owner | None:
    """The process that a folder belongs to, as its lock file says; None: it belongs to nobody."""
    try:
        with (folder / LOCK).open("rb") as stream:
            text = stream.read(_LONGEST).decode(errors="replace")
    except OSError:
        return None
    return Owner.parse(text) if text.strip() else None


class FolderLock:
    """Held from here on; whoever inherits :attr:`handle` holds it too."""

    def __init__(
        self, folder: Path, patience: float = PATIENCE, *, over: str | None = None, says: Callable[[Owner], str]
    ) -> None:
        """Takes the lock, also from an owner on this machine that is gone.

        Args:
            folder: What is locked.
            patience: Seconds to wait for processes that a killed owner has left behind.
            over: Owner from which the folder is taken whatever it does, as :attr:`Owner.key`; :data:`ANY`: from any
                that cannot be asked; :data:`FREE`: from those whose lock of the system is seen to be free.
            says: Makes the message of an owner that runs or cannot be asked.

        Raises:
            BusyError: There is such an owner.
        """
        self._path = folder / LOCK
        self._owner = Owner.here()
        begun = time.monotonic()
        end = begun + patience
        while (found := self._attempt(over)) is not None:
            if not found.pid and time.monotonic() < begun + _NAMELESS:
                time.sleep(0.05)
                continue
            if found.state() != "gone" or time.monotonic() > end:
                raise BusyError(says(found))
            time.sleep(0.1)
        os.lseek(self.handle, 0, os.SEEK_SET)
        os.ftruncate(self.handle, 0)
        os.write(self.handle, self._owner.line().encode())

    def _attempt(self, over: str | None) -> Owner | None:
        """Opens the file and tries to take it; gives the owner that is in the way."""
        self.handle = os.open(self._path, os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o666)
        held = _try_lock(self.handle)
        found = Owner.parse(os.read(self.handle, _LONGEST).decode(errors="replace"))
        # Without locks of the system the file of this process itself: an earlier run of it has not given it back.
        own = held is not False and found.is_same(self._owner)
        if (own or _may_take(found, held, over)) and self._is_there():
            return None
        os.close(self.handle)
        if found.pid and over == found.key:
            # Whoever holds it goes on holding a file that has no name any more.
            with contextlib.suppress(OSError):
                self._path.unlink()
                return self._attempt(over)
        return found

    def _is_there(self) -> bool:
        """Whether the file that was opened still bears its name: another process may have taken it away since."""
        with contextlib.suppress(OSError):
            return os.path.samestat(os.fstat(self.handle), self._path.stat())
        return False

    def taken_by(self) -> Owner | None:
        """The process that has taken the folder since; None: nobody, as far as the file tells."""
        now = owner_of(self._path.parent)
        return None if now is None or not now.pid or now.is_same(self._owner) else now

    def require_ours(self) -> None:
        """Makes sure that what is written into the folder is mixed with nothing of another process.

        Raises:
            FolderTakenError: Another process has taken it.
        """
        if (other := self.taken_by()) is not None:
            folder = self._path.parent
            raise FolderTakenError(f"{folder}: was taken over by {other}; this process writes nothing more into it")

    def release(self, *, remove: bool = False, named: bool = False) -> None:
        """Gives it back; what another process has taken stays its own.

        Args:
            remove: Whether the file goes too: no other process has inherited the lock.
            named: Whether the file stays with the name of its owner, where nothing else tells that it is gone.
        """
        if not named and self._is_there() and self.taken_by() is None:
            os.ftruncate(self.handle, 0)
            if remove:
                with contextlib.suppress(OSError):  # Windows removes no file that is open
                    self._path.unlink()
        os.close(self.handle)


def _may_take(found: Owner, held: bool | None, over: str | None) -> bool:
    """Whether a folder may be taken of the owner that its file names; ``held``: see :func:`_try_lock`."""
    if held is False:
        return False
    if not found.pid:
        return True
    state = found.state()
    if held and not found.started and state != "unknown":
        # Only the lock of the system tells; it was free.
        return True
    # Where there are no locks of the system, one that was not refused tells nothing.
    over_unknown = over in (ANY, found.key) or (over == FREE and held)
    return state == "gone" or (state == "unknown" and bool(over_unknown))


def _try_lock(handle: int) -> bool | None:
    """Takes the lock of the system; False: another process has it; None: there are none here."""
    try:
        import fcntl
    except ImportError:
        return _try_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system of a network without locks
        return None
    return True


def _try_windows(handle: int) -> bool | None:
    try:
        msvcrt: Any = import_module("msvcrt")
    except ImportError:
        return None
    os.lseek(handle, _FAR, os.SEEK_SET)
    try:
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
    except OSError:
        return False
    finally:
        os.lseek(handle, 0, os.SEEK_SET)
    return True
