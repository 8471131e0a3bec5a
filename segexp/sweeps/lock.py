"""One sweep process per folder: a lock that every process of the sweep holds, and that ends with the last of them."""

import contextlib
import os
import socket
import time
from pathlib import Path

from segexp.errors import UserError

LOCK = ".lock"
PATIENCE = 10.0
"""Seconds to wait for the processes of a sweep that was just killed."""


class BusyError(UserError):
    """Another process works on the same sweep."""


class SweepLock:
    """Held from here on; whoever inherits :attr:`handle` holds it too.

    The system releases the lock when the last process that holds it is gone, however it ended: no file can be left
    over, no process number can be mistaken for another's.
    """

    def __init__(self, folder: Path, patience: float = PATIENCE) -> None:
        """Takes the lock.

        Raises:
            BusyError: The sweep is running.
        """
        self.handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        end = time.monotonic() + patience
        while not self._try():
            owner = self._owner()
            if owner.alive() or time.monotonic() > end:
                os.close(self.handle)
                raise BusyError(f"sweep.resume: {folder} is in use by {owner}; wait until it has ended, or end it")
            time.sleep(0.1)
        os.truncate(self.handle, 0)
        os.pwrite(self.handle, f"{os.getpid()} {start_time(os.getpid())} {socket.gethostname()}\n".encode(), 0)

    def _try(self) -> bool:
        # Not everywhere: without it there are no sweeps, and commands that need none import this module too.
        import fcntl

        try:
            fcntl.flock(self.handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _owner(self) -> "_Owner":
        words = os.pread(self.handle, 200, 0).decode(errors="replace").split()
        return _Owner(*words) if len(words) == 3 else _Owner()

    def release(self) -> None:
        """Gives it back."""
        os.close(self.handle)


class _Owner:
    """The process that started the sweep, as written in the lock file."""

    def __init__(self, pid: str = "0", started: str = "", host: str = "") -> None:
        self.pid = int(pid) if pid.isdigit() else 0
        self.started = started
        self.host = host

    def alive(self) -> bool:
        """Tells whether it is the same process still, and not another one with its number."""
        return self.host != socket.gethostname() or (self.pid > 0 and start_time(self.pid) == self.started)

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" if self.pid else "another process"


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since the machine did; empty: there is no such process."""
    with contextlib.suppress(OSError, IndexError):
        # The name of the program, in brackets, may hold blanks.
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()[19]
    return ""
