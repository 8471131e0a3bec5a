"""What each loading process is reading, in memory that outlives it: one that was killed cannot say so any more."""

import mmap
import multiprocessing
import os
import struct
import time
from collections import deque
from dataclasses import dataclass

from torch.utils.data import get_worker_info

from segexp.system.free_memory import oom_kills

_HEAD = struct.Struct("qd")
"""Process number, and when the work began (seconds of the monotonic clock, which all processes share)."""
_SLOT = 256
_TEXT = _SLOT - _HEAD.size


@dataclass(frozen=True)
class Work:
    """The last thing that a loading process is known to have begun.

    Attributes:
        worker: Its number among those of the loader, from 0.
        pid: Its process number.
        since: When it began, in seconds of the monotonic clock.
        what: In words, such as ``training sample 3 of epoch 1, image train_004``; empty: it had nothing to do.
    """

    worker: int
    pid: int
    since: float
    what: str

    def __str__(self) -> str:
        return f"{self.what or 'nothing'} (worker {self.worker}, process {self.pid})"

    @property
    def seconds(self) -> float:
        """Seconds since the loading process began this work."""
        return time.monotonic() - self.since


class WorkerBoard:
    """A line for each loading process of a loader, in memory that they inherit.

    Attributes:
        oom_kills: Processes that the system had ended for lack of memory when the loader was made; None: not known.
    """

    def __init__(self, workers: int) -> None:
        self._memory = mmap.mmap(-1, _SLOT * workers)
        self._workers = workers
        self.oom_kills = oom_kills()

    def write(self, worker: int, what: str) -> None:
        """Notes what the calling process begins, as its worker."""
        text = what.encode("utf-8", "replace")[: _TEXT - 1]
        line = _HEAD.pack(os.getpid(), time.monotonic()) + text.ljust(_TEXT, b"\0")
        self._memory[worker * _SLOT : (worker + 1) * _SLOT] = line

    def works(self) -> list[Work]:
        """Lists the last work of each loading process that has started."""
        found = []
        for worker in range(self._workers):
            line = self._memory[worker * _SLOT : (worker + 1) * _SLOT]
            pid, since = _HEAD.unpack(line[: _HEAD.size])
            text = line[_HEAD.size :].split(b"\0")[0].decode("utf-8", "replace")
            found += [Work(worker, pid, since, text)] if pid else []
        return found


_BOARDS: deque[WorkerBoard] = deque(maxlen=8)
"""Of the last loaders of this process: torch gives the number of a process that died, and nothing else."""
_own: WorkerBoard | None = None
"""In a loading process, its board."""


def new_board(workers: int) -> WorkerBoard | None:
    """A board for the processes of a loader; None: there are none, or they inherit no memory (macOS, Windows)."""
    method = multiprocessing.get_start_method(allow_none=True) or multiprocessing.get_all_start_methods()[0]
    if not workers or method != "fork":
        return None
    board = WorkerBoard(workers)
    _BOARDS.append(board)
    return board


def join_board(board: WorkerBoard | None, worker: int) -> None:
    """Lets this loading process write on its board from now on."""
    global _own  # noqa: PLW0603 - one loading process is one worker of one loader
    _own = board
    if board is not None:
        board.write(worker, "")


def note_work(what: str) -> None:
    """Notes what this process begins, if it is a loading process; empty: it has done it."""
    info = get_worker_info()
    if _own is not None and info is not None:
        _own.write(info.id, what)


def work_of(pid: int) -> tuple[Work, WorkerBoard] | None:
    """Finds the last work of a loading process that is gone, and its board; None: not known."""
    return next(((work, board) for board in reversed(_BOARDS) for work in board.works() if work.pid == pid), None)


def busy_workers() -> list[Work]:
    """Lists the present work of this process's loading processes, the longest first; those that wait are left out."""
    found = [work for board in _BOARDS for work in board.works() if work.what and _lives(work.pid)]
    return sorted(found, key=lambda work: work.since)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True
