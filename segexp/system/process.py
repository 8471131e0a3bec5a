"""Starts, ends and describes processes: for the jobs of sweeps and for the ranks of a training."""

import atexit
import contextlib
import ctypes
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

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


OUTSIDE = "4026531836"
"""Number of the first namespace of processes, <linux/proc_ns.h> PROC_PID_INIT_INO: that of no container."""
ENDED = ("Z", "X", "x")
"""States in /proc of a process that has ended: a zombie, dead."""


def start_time(pid: int) -> str:
    """When a process started, in clock ticks since the machine did; empty: it has ended, or there is no /proc.

    One that is still listed because nobody has asked for its exit code has ended: in containers whose first process
    asks for none, killed processes stay listed for good.
    """
    with contextlib.suppress(OSError, IndexError):
        # The name of the program, in brackets, may hold blanks.
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        return "" if fields[0] in ENDED else fields[19]
    return ""


@functools.cache
def numbering() -> str:
    """Name of the numbering that this process has its number from: machine/start of the machine/container on it."""
    names = []
    for path in ("/etc/machine-id", "/proc/sys/kernel/random/boot_id"):
        try:
            names.append("".join(Path(path).read_text(encoding="ascii", errors="replace").split())[:64] or "-")
        except OSError:
            names.append("-")
    try:
        return "/".join((*names, str(Path("/proc/self/ns/pid").stat().st_ino)))
    except OSError:
        return ""


def is_earlier_start(one: str, now: str) -> bool:
    """Tells whether a numbering is that of an earlier start of this machine, outside of containers: all of it is gone.

    Args:
        one: A numbering.
        now: The present one.
    """
    (machine, start, *place), (machine_now, start_now, *place_now) = (f"{each}//".split("/")[:3] for each in (one, now))
    outside = place == place_now == [OUTSIDE]
    return outside and machine == machine_now != "-" and "-" not in (start, start_now) and start != start_now


def is_running(pid: int) -> bool:
    """Tells whether there is a process of that number on this machine."""
    if sys.platform == "win32":
        return _runs_on_windows(pid)
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except (ProcessLookupError, OverflowError):
        return False
    return True


def is_open_elsewhere(paths: Iterable[Path]) -> bool:
    """Tells whether another process of this machine has one of some files open; False where there is no /proc."""
    wanted = {str(path.resolve()) for path in paths}
    others = [place / "fd" for place in Path("/proc").glob("[0-9]*") if place.name != str(os.getpid())]
    return bool(wanted) and any(target in wanted for place in others for target in _targets(place))


def _targets(folder: Path) -> Iterator[str]:
    """Where the links in a folder point to, as far as it may be read and is still there."""
    with contextlib.suppress(OSError):
        for link in folder.iterdir():
            with contextlib.suppress(OSError):
                yield str(link.readlink())


_QUERY, _STILL_ACTIVE = 0x1000, 259
"""PROCESS_QUERY_LIMITED_INFORMATION and the exit code of a process that has none yet, <winnt.h>."""


def _runs_on_windows(pid: int) -> bool:
    """``os.kill`` would end it there."""
    kernel: Any = vars(ctypes)["windll"].kernel32
    handle, code = kernel.OpenProcess(_QUERY, False, pid), ctypes.c_ulong()
    if not handle:
        return False
    kernel.GetExitCodeProcess(handle, ctypes.byref(code))
    kernel.CloseHandle(handle)
    return code.value == _STILL_ACTIVE


def ending_signal(code: int) -> str:
    """Names the signal that ended a process, from its negative exit code."""
    try:
        return signal.Signals(-code).name
    except ValueError:
        return f"signal {-code}"


def python_command(module: str, function: str, *arguments: str) -> list[str]:
    """Builds the command of a new Python that finds the same packages and calls a function of a module."""
    code = (
        f"import sys; sys.path[:] = {sys.path!r}\nfrom segexp.system.imports import quick_imports\n"
        f"with quick_imports():\n    from {module} import {function}\n{function}()"
    )
    return [sys.executable, "-c", code, *arguments]


def run_and_exit(work: Callable[[], int]) -> None:
    """Does the work of a process and leaves with its exit code, without taking the interpreter apart.

    That lasts longer than a short test, and may never end in a process that has lost its group. The exit functions
    stay in force: loggers close their runs by them.
    """
    code = 1
    try:
        code = work()
    finally:
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def in_process_group() -> bool:
    """Tells whether this process is one of several that train together and has not left their group.

    So it is after a failure under torchrun or srun. Threads of gloo that wait for the others abort the interpreter
    while it is taken apart, now and then: then the exit code is not ours. Use :func:`run_and_exit` there.
    """
    distributed = sys.modules.get("torch.distributed")
    return distributed is not None and distributed.is_available() and distributed.is_initialized()


def python_path() -> str:
    """Gives the PYTHONPATH with which a process on another machine finds the same code."""
    return os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
