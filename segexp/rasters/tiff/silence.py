"""Keeps what tifffile logs about odd tags off the terminal: errors say in our own words what matters of it."""

import logging
import threading
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


@contextmanager
def silence_tifffile() -> Iterator[None]:
    """Silences the log of tifffile for this thread."""
    here = _FILTER.here
    here.depth = getattr(here, "depth", 0) + 1
    try:
        yield
    finally:
        here.depth -= 1
