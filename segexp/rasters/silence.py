"""Keeps what libraries say of odd tags off the terminal: errors say in our own words what matters of it."""

import logging
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager


class _Inside(logging.Filter):
    """Holds back what this thread logs while it reads for us; other threads and programs log as before."""

    def __init__(self) -> None:
        super().__init__()
        self.here = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets a record through unless this thread reads for us."""
        return not getattr(self.here, "depth", 0)


_FILTER = _Inside()
logging.getLogger("tifffile").addFilter(_FILTER)
_WARNINGS = threading.RLock()
"""The filters of warnings belong to the process: two threads at once would undo each other's."""


@contextmanager
def silence_tifffile() -> Iterator[None]:
    """Silences the log of tifffile for this thread."""
    here = _FILTER.here
    here.depth = getattr(here, "depth", 0) + 1
    try:
        yield
    finally:
        here.depth -= 1


@contextmanager
def silence_warnings() -> Iterator[None]:
    """Silences the warnings of Python while a header is read, one thread at a time."""
    with _WARNINGS, warnings.catch_warnings(action="ignore"):
        yield
