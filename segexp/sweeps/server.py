"""The fork server: imports everything once, reads shared data once, then forks a process for every job.

It must have a single thread when it forks: a child has only the thread that forked, and waits for ever for any other
that its copy of OpenMP or OpenCV remembers. So no operation of torch runs here, and OpenCV does not use threads.
"""

import contextlib
import faulthandler
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import albumentations  # noqa: F401 - what is not imported here, every job imports itself
import cv2
import torch
from tqdm import tqdm

import segexp.training.train  # noqa: F401
from segexp.report.page_template import compile_templates
from segexp.sweeps.engines.ipc import Channel, Message
from segexp.sweeps.engines.process import (
    count_lasting_threads,
    count_threads,
    die_with_parent,
    fresh_python,
    kill_group,
    peak_megabytes,
)
from segexp.sweeps.job import run_job
from segexp.sweeps.layout import JobFiles, now
from segexp.sweeps.shared_data import SharedData
from segexp.system.cores import CORES
from segexp.system.process import run_and_exit

TICK = 0.02
"""Seconds between looks for jobs that have ended."""


class Server:
    """Takes orders until its parent is gone."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._jobs: dict[int, tuple[int, float]] = {}
        self._data: SharedData | None = None
        self._sweep = Path()
        self._lock: list[int] = []

    def serve(self) -> Callable[[], int] | None:
        """Forks jobs as told.

        Returns:
            In a job: what it has to run. In the server, at the end: None.
        """
        while self._channel.open:
            messages, handles = self._channel.receive(TICK)
            self._lock += handles
            for message in messages:
                match message["do"]:
                    case "sweep":
                        self._open_sweep(message)
                    case "start":
                        if (job := self._start(message)) is not None:
                            return job
                    case "signal":
                        for pid in self._jobs:
                            kill_group(pid, signal.Signals(message["number"]))
            self._reap()
        for pid in self._jobs:
            kill_group(pid, signal.SIGKILL)
        return None

    def _open_sweep(self, message: Message) -> None:
        self._sweep = Path(message["folder"])
        self._data = SharedData(self._sweep)

    def _start(self, message: Message) -> Callable[[], int] | None:
        """Forks; gives the job's work in the child, None in the server."""
        number = message["job"]
        if self._data is not None:
            self._data.prepare(number, message["data"], message["later"])
        threads = count_lasting_threads()
        parent = os.getpid()
        pid = os.fork()
        # A group of its own, set on both sides: whoever comes first, a signal to it always finds it.
        with contextlib.suppress(OSError):
            os.setpgid(pid, pid)
        if pid == 0:
            self._channel.close()
            work = _job if threads == 1 else partial(_fresh, self._lock)
            return partial(work, self._sweep, message, parent)
        if threads > 1:
            self._channel.send({"note": f"the fork server has {threads} threads, so jobs import everything themselves"})
        self._jobs[pid] = number, time.monotonic()
        return None

    def _reap(self) -> None:
        while self._jobs:
            pid, status, usage = os.wait4(-1, os.WNOHANG)
            if pid == 0:
                return
            if pid in self._jobs:
                code = os.waitstatus_to_exitcode(status)
                # A loading process that outlives its job would keep the sweep's lock.
                kill_group(pid, signal.SIGKILL)
                number, start = self._jobs.pop(pid)
                seconds, memory = round(time.monotonic() - start, 1), peak_megabytes(usage.ru_maxrss)
                self._channel.send({"ended": number, "code": code, "seconds": seconds, "memory_mb": memory})


def _fresh(lock: list[int], sweep: Path, message: Message, parent: int) -> int:
    """A job in a new Python instead of a copy of this one; it keeps the process number and the sweep's lock."""
    for handle in lock:
        os.set_inheritable(handle, True)
    command = fresh_python("job_main", str(sweep), json.dumps(message), str(parent))
    os.execv(command[0], command)


def _job(sweep: Path, message: Message, parent: int) -> int:
    """Everything that a job's process does, from the fork to its exit code."""
    die_with_parent(parent)
    _redirect(JobFiles(sweep, message["job"]).output)
    print(f"started {now()}")  # noqa: T201 - into the log of the job
    os.environ.update(message["environment"])
    _use_threads(message["threads"])
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    return run_job(sweep, message["job"])


def _redirect(path: Path) -> None:
    """Everything that is said goes into the job's own file, line by line."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(handle, 1)
    os.dup2(handle, 2)
    sys.stdout = os.fdopen(1, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, encoding="utf-8", errors="replace", closefd=False)
    faulthandler.enable()


def _use_threads(threads: int) -> None:
    for name in (CORES, "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)


def run_server() -> None:
    """Serves; in a job, runs it."""
    die_with_parent(int(sys.argv[2]))
    # Blocked and not ignored: one that comes right after a fork waits until the job can take it.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    channel = Channel(socket.socket(fileno=int(sys.argv[1])))
    cv2.setNumThreads(0)
    tqdm.monitor_interval = 0  # its thread would outlive the bar that is shown while data are read
    compile_templates()
    channel.send({"ready": os.getpid(), "threads": count_threads()})
    job = Server(channel).serve()
    if job is not None:
        run_and_exit(job)


def job_main() -> None:
    """Runs a single job in a process of its own."""
    run_and_exit(partial(_job, Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3])))
