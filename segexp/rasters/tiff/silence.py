"""Keeps what tifffile logs about odd tags off the terminal: what matters of it is told in our own words."""

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
        """Whether the record is let through."""
        return not getattr(self.here, "depth", 0)


_FILTER = _Inside()
logging.getLogger("tifffile").addFilter(_FILTER)


@contextmanager
def silence_tifffile() -> Iterator[None]:
    """No word of tifffile from this thread."""
    here = _FILTER.here
    here.depth = getattr(here, "depth", 0) + 1
    try:
        yield
    finally:
        here.depth -= 1
