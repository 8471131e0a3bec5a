"""What a process of a sweep does to itself: count its threads, end with its loading processes, answer for its end."""

import os
import signal
import sys
import time
from pathlib import Path

from segexp.system.process import die_with_parent, ending_signal, python_command

__all__ = ["count_lasting_threads", "count_threads", "die_with_parent", "fresh_python", "kill_group", "signal_name"]


def count_threads() -> int:
    """Threads of this process that the system sees; 1 where it does not say."""
    tasks = Path("/proc/self/task")
    return sum(1 for _ in tasks.iterdir()) if tasks.is_dir() else 1


def count_lasting_threads(patience: float = 1.0) -> int:
    """Counts the threads of this process after waiting for those that are about to end.

    Python joins threads a little too early; waits at most ``patience`` seconds.
    """
    end = time.monotonic() + patience
    while (found := count_threads()) > 1 and time.monotonic() < end:
        time.sleep(0.002)
    return found


def peak_megabytes(maxrss: int) -> int:
    """Memory as getrusage(2) gives it: kibibytes on Linux, bytes on macOS."""
    return round(maxrss / (2**20 if sys.platform == "darwin" else 2**10))


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
    name = ending_signal(code)
    if name == "SIGKILL":
        return "killed by SIGKILL; was the memory short? use fewer sweep.jobs"
    return f"ended by {name}"


def fresh_python(function: str, *arguments: str) -> list[str]:
    """The command of a new Python that finds the same packages and calls a function of the fork server's module."""
    return python_command("segexp.sweeps.server", function, *arguments)
