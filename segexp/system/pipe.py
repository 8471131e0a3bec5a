"""Notices that nobody reads the output any more, as in ``segexp models | head -1``."""

import os
import select
import sys

BROKEN_PIPE = 141
"""Exit code, as shells have it: 128 + SIGPIPE."""


def output_is_closed() -> bool:
    """Tells whether the reader of our output has gone; then nothing more is written there.

    A signal would not do: it would also end a training whose tracker's server has gone.
    """
    try:
        handle = sys.stdout.fileno()
    except OSError:
        return False
    if not _closed(handle):
        return False
    os.dup2(os.open(os.devnull, os.O_WRONLY), handle)
    return True


def _closed(handle: int) -> bool:
    """Whether the pipe's other end is gone. An earlier error has emptied the buffer, so a flush tells nothing."""
    if not hasattr(select, "poll"):
        return False
    poll = select.poll()
    poll.register(handle, 0)
    return any(event & select.POLLERR for _, event in poll.poll(0))
