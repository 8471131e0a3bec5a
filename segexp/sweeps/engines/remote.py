"""A job of a sweep on a node of a cluster: a new Python that runs it, and this process beside it.

Two processes, since those of a cluster's own tools have their own answers to signals, and their children inherit them.
"""

import fcntl
import json
import os
import resource
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segexp.config.stored.trust import shared_trust
from segexp.errors import SegexpError
from segexp.sweeps.engines.process import fresh_python, peak_megabytes
from segexp.sweeps.layout import JobFiles, now

TICK = 0.2
"""Seconds between looks at the job."""
PATIENCE = 60.0
"""Seconds that an earlier start of the same job may take to end."""
BLOCKED = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
"""Signals that a cluster sends to every process of a job: Ctrl-C (taken once the job is ready for it), and warnings
before an end, on which the process beside the job acts."""
NOT_FOR_JOBS = ("SLURM_NTASKS",)
"""With it Lightning would take the place of SLURM's process for one of several that train together."""


@dataclass(frozen=True)
class RemoteJob:
    """Runs jobs of a sweep; an instance travels to the node.

    Attributes:
        sweep: Folder of the sweep, at the same place on all machines.
        cwd: Where the sweep was started; relative paths of the configs count from there.
        threads: Of a job, on the processor.
        trust: What the sweep trusts, as a variable of the environment: the resume of a job needs it too.
    """

    sweep: Path
    cwd: Path
    threads: int
    trust: dict[str, str] = field(default_factory=shared_trust)

    def __call__(self, number: int) -> None:
        """Runs a job, or goes on with it, and writes down how its process ended."""
        place = JobFiles(self.sweep, number)
        with _only_one(place) as lock:
            if place.process().get("code", -1) >= 0 and place.outcome() is not None:
                # Put back into the queue in the moment in which it ended.
                return
            start = time.monotonic()
            child = self._start(number, lock)
            facts = {"host": socket.gethostname(), "id": _cluster_id(), "started": now()}
            try:
                code = _wait(child, lambda: place.write_process(facts))
            finally:
                child.kill()
            memory = peak_megabytes(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
            seconds = round(time.monotonic() - start, 1)
            place.write_process({**facts, "code": code, "seconds": seconds, "memory_mb": memory})

    def checkpoint(self, number: int) -> Any:
        """For submitit, before the time is up: the same again goes on from the last epoch."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self, number)

    def _start(self, number: int, lock: int) -> "subprocess.Popen[bytes]":
        message = {"job": number, "threads": self.threads, "environment": self.trust}
        command = [*fresh_python("job_main", str(self.sweep), json.dumps(message)), str(os.getpid())]
        environment = {name: value for name, value in os.environ.items() if name not in NOT_FOR_JOBS}
        # A child inherits what is blocked. This process leaves Ctrl-C to it.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, BLOCKED)
        try:
            return subprocess.Popen(command, cwd=self.cwd, env=environment, stdin=subprocess.DEVNULL, pass_fds=[lock])
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before | {signal.SIGINT})


def _wait(child: "subprocess.Popen[bytes]", tell: Callable[[], None]) -> int:
    """Waits in short steps: Ray interrupts without a signal, and a system call would not hear of it.

    Args:
        child: The process of the job.
        tell: Writes down that it is there; who sees that may send Ctrl-C, from that moment on.
    """
    is_written = False
    while True:
        try:
            if not is_written:
                tell()
                is_written = True
            return child.wait(TICK)
        except subprocess.TimeoutExpired:
            pass
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)


@contextmanager
def _only_one(place: JobFiles) -> Iterator[int]:
    """Waits for an earlier start of the same job that has not ended yet: two would write into one run folder."""
    handle = os.open(place.path / ".lock", os.O_RDWR | os.O_CREAT, 0o666)
    end = time.monotonic() + PATIENCE
    try:
        while not _try(handle):
            if time.monotonic() > end:
                raise SegexpError(f"{place.path}: another process works on this job; its host: {place.process()}")
            time.sleep(TICK)
        yield handle
    finally:
        os.close(handle)


def _try(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # A file system without locks: the queue of the cluster alone keeps starts apart.
        return True
    return True


def _cluster_id() -> str | None:
    array, task = os.environ.get("SLURM_ARRAY_JOB_ID"), os.environ.get("SLURM_ARRAY_TASK_ID")
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID")
