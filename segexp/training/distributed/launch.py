"""Starts the ranks of a training on this machine and stays beside them until all have ended.

Each rank is a new Python: a copy of this process would share its threads and its GPU. This process imports no torch;
whatever ends it ends the ranks (Linux), and what ends one of them ends the others.
"""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import IO

from segexp.config.experiment import Experiment
from segexp.errors import Pruned
from segexp.runs.lock import owner_of
from segexp.runs.record import end_from_outside
from segexp.system.cores import CORES, available_cores
from segexp.system.process import ending_signal, python_command
from segexp.system.signals import AT_ONCE, handled_by
from segexp.training.distributed.messages import Board, RankError, Report
from segexp.training.distributed.plan import BOARD, chosen_gpus

TICK = 0.05
"""Seconds between looks for ranks that have ended."""
GRACE = 30.0
"""Seconds that the others have, once a rank has failed, to write down what happened; a lost GPU waits for ever."""
SIGNALLED = 128
"""Exit codes above it are ends by a signal."""
LAST_WORDS = 2000
"""Characters of what a rank said that are shown when it ends without a word of its own."""


def launch(experiment: Experiment, ranks: int) -> None:
    """Runs an experiment on several ranks; rank 0 writes the run folder and speaks.

    Raises:
        RankError: A rank failed, with its message and exit code, or Ctrl-C was pressed.
        Pruned: A search has ended its trial early.
    """
    with tempfile.TemporaryDirectory(prefix="segexp_ranks_") as folder:
        board = Board(Path(folder))
        board.write_job(experiment)
        with Crew(board, ranks, chosen_gpus(experiment.trainer)) as crew:
            crew.wait()
        if crew.failed:
            raise _what_happened(board, debug=experiment.debug)
        for report in board.reports():
            # The one end that is neither a result nor a failure.
            raise Pruned(report.text)


class Crew:
    """The processes."""

    def __init__(self, board: Board, ranks: int, gpus: str | None = None) -> None:
        self._board = board
        self._gpus = {} if gpus is None else {"CUDA_VISIBLE_DEVICES": gpus}
        self._count = ranks
        self._said: list[IO[bytes]] = []
        self._running: dict[int, subprocess.Popen[bytes]] = {}
        self._presses = 0
        self._told = 0
        self._first = 0.0
        self._end: float | None = None
        self.failed = False
        self.signal = 0

    def __enter__(self) -> "Crew":
        sys.stdout.flush()
        for rank in range(self._count):
            self._said.append(tempfile.TemporaryFile())
            self._running[rank] = self._start(rank)
        return self

    def __exit__(self, *error: object) -> None:
        self._kill()
        for stream in self._said:
            stream.close()

    def _start(self, rank: int) -> "subprocess.Popen[bytes]":
        own = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": self._count, "LOCAL_WORLD_SIZE": self._count}
        environment = {**os.environ, **_threads(self._count), **_network(), **self._gpus, BOARD: str(self._board.path)}
        said = None if rank == 0 else self._said[rank]
        return subprocess.Popen(
            python_command("segexp.training.distributed.rank", "run_rank", str(os.getpid())),
            stdin=subprocess.DEVNULL, stdout=said, stderr=said,
            env={**environment, "GROUP_RANK": "0", **{name: str(value) for name, value in own.items()}},
            # Ctrl-C of the terminal reaches this process alone, which passes it on once.
            process_group=0,
        )  # fmt: skip

    def wait(self) -> None:
        """Until all have ended."""
        with self._counting_presses():
            while self._running:
                time.sleep(TICK)
                self._pass_on()
                self._reap()
                if self._end is not None and time.monotonic() > self._end:
                    self._kill()

    @contextmanager
    def _counting_presses(self) -> Iterator[None]:
        if threading.current_thread() is not threading.main_thread():
            yield
            return

        def press(number: int, frame: FrameType | None) -> None:
            self.signal = self.signal or number
            if self._presses == 0:
                self._first = time.monotonic()
            elif time.monotonic() < self._first + AT_ONCE:
                return
            self._presses += 1

        with handled_by(press):
            yield

    def _pass_on(self) -> None:
        """The first signal is passed on to all ranks, which end in order; a second one ends them."""
        if self._presses == self._told:
            return
        self._told = self._presses
        if self._presses > 1:
            self._kill()
            return
        self._board.interrupt(self.signal)
        for process in self._running.values():
            process.send_signal(self.signal)

    def _reap(self) -> None:
        for rank, process in list(self._running.items()):
            code = process.poll()
            if code is None:
                continue
            del self._running[rank]
            _end_group(process.pid)
            if code == 0:
                continue
            self.failed = True
            self._note_silent(rank, code)
            self._end = self._end or time.monotonic() + GRACE

    def _note_silent(self, rank: int, code: int) -> None:
        """Says for a rank what it could not say itself."""
        if any(report.rank == rank for report in self._board.reports()):
            return
        how = f"was ended by {ending_signal(code)}" if code < 0 else f"ended with exit code {code}"
        hint = "; was the memory short?" if code == -signal.SIGKILL else ""
        self._said[rank].seek(0)
        words = self._said[rank].read().decode(errors="replace").strip()[-LAST_WORDS:]
        text = f"the process {how}{hint}" + (f"; it said last:\n{words}" if words else "")
        self._board.add(Report(rank, time.monotonic(), text))

    def _kill(self) -> None:
        for process in self._running.values():
            self.failed = True
            process.kill()
            process.wait()
            _end_group(process.pid)
        self._running.clear()


def _end_group(pid: int) -> None:
    """A loading process may outlive its rank by seconds."""
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _threads(ranks: int) -> dict[str, str]:
    """The cores are divided; whoever set the threads of a process himself has decided."""
    if os.environ.get("OMP_NUM_THREADS") and CORES not in os.environ:
        return {CORES: str(max(1, available_cores() // ranks))}
    share = str(max(1, available_cores() // ranks))
    return {CORES: share, "OMP_NUM_THREADS": share, "MKL_NUM_THREADS": share}


def _network() -> dict[str, str]:
    """Ranks of one machine need no network, whose names and addresses may be anything."""
    loopback = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    given = os.environ.get("GLOO_SOCKET_IFNAME", loopback)
    return {} if given is None else {"GLOO_SOCKET_IFNAME": given}


def _what_happened(board: Board, *, debug: bool) -> RankError:
    """The error to end with; the run folder says the same where rank 0 could not write it."""
    if number := board.interrupted:
        own = [report.text for report in board.reports() if report.code > SIGNALLED and report.rank == 0]
        _end_record(board, "interrupted", None)
        return RankError(own[0] if own else "interrupted", SIGNALLED + number)
    cause = board.cause() or Report(0, 0.0, "the ranks have ended")
    if cause.trace and (debug or not cause.ours):
        print(cause.trace, file=sys.stderr, end="")  # noqa: T201 - as for a run in one process
    text = f"rank {cause.rank}: {cause.text}" if cause.code == 1 else cause.text
    _end_record(board, "failed", text)
    return RankError(text, cause.code)


def _end_record(board: Board, state: str, error: str | None) -> None:
    if board.folder is None:
        return
    # All ranks are gone: whoever owns it now has taken it over.
    owner = owner_of(board.folder)
    if owner is None or owner.state() == "gone":
        end_from_outside(board.folder, state, error)
