"""What of POSIX this system has: one process trains anywhere, several are forked, signalled and locked by it."""

import os
import signal
import socket
from importlib import import_module

from segexp.errors import ConfigError

NEEDED = {
    "fcntl": ("flock",),
    "resource": ("getrusage",),
    "os": ("fork", "killpg", "setpgid", "wait4", "pread", "pwrite"),
    "signal": ("SIGKILL", "SIGHUP", "pthread_sigmask"),
    "socket": ("send_fds", "recv_fds"),
}
"""Functions that processes beside this one need, by the module of Python that has them."""
SHOWN = 4
"""Functions that a refusal names."""
_LOADED = {"os": os, "signal": signal, "socket": socket}


def lacking() -> list[str]:
    """Lists what this system lacks of :data:`NEEDED`, as ``os.fork``; a module that it does not have is named alone."""
    found: list[str] = []
    for name, functions in NEEDED.items():
        try:
            module = _LOADED.get(name) or import_module(name)
        except ImportError:
            found.append(name)
            continue
        found += [f"{name}.{function}" for function in functions if not hasattr(module, function)]
    return found


def require_posix(word: str, instead: str) -> None:
    """Refuses what needs several processes where they cannot be had.

    Args:
        word: Of the command line, that asks for them.
        instead: What to do without.

    Raises:
        ConfigError: Something is lacking; it is named.
    """
    if gone := lacking():
        more = f" and {len(gone) - SHOWN} more" if len(gone) > SHOWN else ""
        raise ConfigError(
            f"{word}: takes processes that are forked, signalled and locked, and this Python (on Windows?) has no "
            f"{', '.join(gone[:SHOWN])}{more}; {instead}, or start it on Linux, macOS or in WSL"
        )
