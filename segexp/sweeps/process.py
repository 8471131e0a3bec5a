"""What a process of a sweep does to itself: die with its parent, count its threads, answer to its own name."""

import ctypes
import os
import signal
import sys
from pathlib import Path

PR_SET_PDEATHSIG = 1
"""prctl(2), <linux/prctl.h>."""


def die_with_parent(parent: int) -> None:
    """Ends this process as soon as its parent ends, however that happens; Linux only.

    Args:
        parent: Process number of the parent, which may have ended just before.
    """
    if sys.platform != "linux":
        return
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def thread_count() -> int:
    """Threads of this process that the system sees; 1 where it does not say."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.is_dir() else 1


def kill_group(pid: int, number: signal.Signals) -> None:
    """Sends a signal to a job and its loading processes; nothing happens if it is gone."""
    try:
        if number == signal.SIGINT:
            # Loading processes end with their job; Ctrl-C of their own would only add traces to its log.
            os.kill(pid, number)
        else:
            os.killpg(pid, number)
    except ProcessLookupError:
        pass


def signal_name(code: int) -> str:
    """Why a process ended by itself with a negative exit code."""
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    if name == "SIGKILL":
        return "killed by SIGKILL; was the memory short? use fewer sweep.jobs"
    return f"ended by {name}"


def fresh_python(function: str, *arguments: str) -> list[str]:
    """The command of a new Python that finds the same packages and calls a function of the fork server's module."""
    code = f"import sys; sys.path[:] = {sys.path!r}; from segexp.sweeps.server import {function}; {function}()"
    return [sys.executable, "-c", code, *arguments]
