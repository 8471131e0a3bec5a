"""Runs command lines as on a system without POSIX: modules blocked, functions and signals gone, no symbolic links.

``python -m tests.system.without_posix`` reads lists of arguments as JSON, and prints an answer for each.
"""

# What the standard library itself takes by the name of the platform comes first: on Windows it is other code.
import asyncio
import asyncio.unix_events
import contextlib
import importlib.abc
import io
import json
import multiprocessing.pool
import multiprocessing.popen_fork
import multiprocessing.popen_spawn_posix
import os
import signal
import socket
import subprocess
import sys
import traceback
from pathlib import Path
from typing import Any

BLOCKED = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty", "syslog", "readline", "crypt", "spwd", "nis")
# Not uname, sysconf, statvfs and register_at_fork: numpy, torch and shutil take them by the name of the platform.
OF_OS = (
    "fork", "forkpty", "getuid", "geteuid", "getgid", "getegid", "getgroups", "getpgid", "getpgrp", "setpgid", "setsid",
    "killpg", "wait3", "wait4", "sched_getaffinity", "sched_setaffinity", "pread", "pwrite",
    "getloadavg", "nice", "chown", "lchown", "fchown", "fchmod", "mkfifo", "openpty",
    "posix_fadvise", "posix_fallocate", "sendfile", "initgroups",
)  # fmt: skip
SIGNALS = (
    "SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGCHLD", "SIGPIPE", "SIGALRM", "SIGQUIT", "SIGTSTP", "SIGCONT",
    "SIGWINCH", "pthread_sigmask", "pthread_kill", "sigwait", "setitimer", "alarm", "siginterrupt",
)  # fmt: skip


LIGHTNING = "lightning"
"""A line that is no command line: from here on Lightning is imported."""


class Blocker(importlib.abc.MetaPathFinder):
    """Finds none of the modules that only POSIX has."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        """Refuses them."""
        if name.partition(".")[0] in BLOCKED:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def take_away() -> None:
    """Makes this process one without POSIX, as far as Python can tell."""
    for name in BLOCKED:
        sys.modules.pop(name, None)
    sys.meta_path.insert(0, Blocker())
    for module, names in ((os, OF_OS), (signal, SIGNALS), (socket, ("send_fds", "recv_fds"))):
        for name in names:
            if hasattr(module, name):
                delattr(module, name)
    there = {signal.SIGINT, signal.SIGTERM, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGSEGV}
    signal.valid_signals = lambda: set(there)
    opened = os.open

    def open_file(path: Any, flags: int, *more: Any, **named: Any) -> int:
        if isinstance(path, str | os.PathLike) and Path(path).is_dir() and "dir_fd" not in named:
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, flags, *more, **named)

    def link(*_: Any, **__: Any) -> None:
        raise OSError(1314, "A required privilege is not held by the client")

    os.open = open_file
    os.symlink = os.link = link  # type: ignore[assignment]


def lightning_as_on_windows() -> None:
    """Lightning asks for SIGKILL wherever the platform is not called Windows."""
    from lightning.pytorch.trainer.connectors import signal_connector

    signal_connector._IS_WINDOWS = True  # type: ignore[attr-defined] # imported there


def main() -> None:
    """Runs the lines."""
    lines = json.load(sys.stdin)
    take_away()
    from segexp.cli.app import run

    for argv in lines:
        if argv[0] == LIGHTNING:
            lightning_as_on_windows()
            continue
        sys.argv = ["segexp", *argv]
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = run(argv)
            except BaseException:  # what nobody was to see is the answer
                code = 99
                traceback.print_exc()
        answer = {"code": code, "out": out.getvalue(), "err": err.getvalue(), "torch": "torch" in sys.modules}
        sys.stdout.write(f"{json.dumps(answer)}\n")


__all__ = ["asyncio", "multiprocessing", "subprocess"]
if __name__ == "__main__":
    main()
