"""Signals that ask a process to end: each ends it in order, as Ctrl-C does, and with the exit code that shells know."""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

STOPPING = ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1")
"""Ctrl-C; a shutdown, ``kill`` or SLURM's preemption; a closed terminal; what ``sbatch --signal=USR1@60`` sends."""
Handler = Callable[[int, FrameType | None], None]
AT_ONCE = 1.0
"""Seconds in which other signals are the same request: a logout sends SIGTERM and SIGHUP together."""
_USUAL = (signal.SIG_DFL, signal.default_int_handler)
_received: list[int] = []
_times: list[float] = []
_taken: set[int] = set()
_listeners: list[Callable[[int], None]] = []


class Stopped(KeyboardInterrupt):
    """A signal asks this process to end."""


@contextmanager
def stopped_in_order(names: Iterable[str] = STOPPING) -> Iterator[None]:
    """In this context the first signal of some raises; a second one is told about, a third ends at once.

    What another program handles, or a shell has switched off (``nohup``), stays as it is.

    Args:
        names: The signals.
    """
    _forget()
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    try:
        with handled_by(_stop, names, taken=lambda handler: handler in _USUAL) as numbers:
            _taken.update(numbers)
            yield
    finally:
        _taken.clear()
        _forget()


def tell_of_stops(listener: Callable[[int], None]) -> None:
    """Tells a function of the first signal of :func:`stopped_in_order`, as long as this process lives."""
    _listeners.append(listener)


def take_again(number: int) -> None:
    """Handles a signal of :func:`stopped_in_order` once more, after a library has put its own handler in the place."""
    if number in _taken:
        signal.signal(number, _stop)


def _forget() -> None:
    _received.clear()
    _times.clear()


@contextmanager
def handled_by(
    handler: Handler, names: Iterable[str] = STOPPING, taken: Callable[[Any], bool] = lambda handler: True
) -> Iterator[frozenset[int]]:
    """In this context a function handles signals; those that are ignored (``nohup``) stay ignored. Gives their numbers.

    Args:
        handler: Gets the number of the signal and the frame that it interrupts.
        names: Of the signals; one that the system lacks is left out.
        taken: Whether a signal may be taken from what handles it now.
    """
    known = [getattr(signal, name) for name in names if hasattr(signal, name)]
    handlers = {number: signal.getsignal(number) for number in known}
    before = {number: old for number, old in handlers.items() if old is not signal.SIG_IGN and taken(old)}
    for number in before:
        signal.signal(number, handler)
    try:
        yield frozenset(before)
    finally:
        for number, old in before.items():
            signal.signal(number, old)


@contextmanager
def interrupt_held() -> Iterator[None]:
    """In this context Ctrl-C waits until its end; OmegaConf, broken off while it builds a config, hides it in an error.

    Raises:
        KeyboardInterrupt: At the end, if it came meanwhile, whatever else was raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    pressed: list[int] = []
    try:
        with handled_by(
            lambda number, frame: pressed.append(number), ("SIGINT",), lambda old: old is signal.default_int_handler
        ):
            yield
    finally:
        if pressed:
            raise KeyboardInterrupt


def _stop(number: int, frame: FrameType | None) -> None:
    _times.append(time.monotonic())
    if number == getattr(signal, "SIGHUP", None):
        _let_go_of_the_terminal()
    if _received and number != _received[0] and _times[-1] < _times[0] + AT_ONCE:
        return
    _received.append(number)
    if len(_received) == 1:
        for listener in _listeners:
            listener(number)
        raise Stopped
    if len(_received) > 2:
        os._exit(exit_code())
    # Not print: the signal may have come in the middle of one.
    with contextlib.suppress(OSError):
        os.write(2, b"segexp: is ending; once more ends it at once, without a word in run.json\n")


def _let_go_of_the_terminal() -> None:
    """What is written to a terminal that is closed would be an error."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (sys.stdout, sys.stderr):
            if stream.isatty():
                os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


def is_stopping() -> bool:
    """Tells whether a signal has asked this process to end: errors that come after it are its consequences."""
    return bool(_received)


def name_of_stop(elsewhere: int = 0) -> str:
    """Name of the signal that asked to end; where none did, that of another process that ends this one, or Ctrl-C."""
    return signal.Signals(_received[0] if _received else elsewhere or signal.SIGINT).name


def exit_code() -> int:
    """Exit code of a process that a signal ended, as shells have it: 130 after Ctrl-C, 143 after SIGTERM."""
    return 128 + (_received[0] if _received else signal.SIGINT)
