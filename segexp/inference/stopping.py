"""Ctrl-C in a command that writes files: one line says what is done, and the command that goes on."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from segexp.config.overrides.quoting import command_line
from segexp.errors import Interrupted


@contextmanager
def told_when_stopped(
    command: Sequence[str], done: Callable[[], str], onwards: str = "start it again with"
) -> Iterator[None]:
    """In this context Ctrl-C ends with a line for the user.

    Args:
        command: Words by which it was started; empty: by a program, which gets its KeyboardInterrupt.
        done: Says what is done by then.
        onwards: Words before the command.

    Raises:
        Interrupted: Ctrl-C came.
    """
    try:
        yield
    except KeyboardInterrupt as error:
        if not command:
            raise
        raise Interrupted(f"stopped: {done()}; {onwards} {command_line(command)}") from error
