"""Lines on the terminal and in log.txt: each of ours once, plain, whatever loggers other packages set up."""

import contextlib
import logging
import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

from segexp.runs.text import readable

LOG = logging.getLogger("segexp")


def start_console() -> None:
    """Sends our lines to stdout, once however often it is called, and keeps them from the root logger."""
    LOG.setLevel(logging.INFO)
    # W&B, Hydra and others put handlers on the root logger: without this, lines would appear twice.
    LOG.propagate = False
    for handler in list(LOG.handlers):
        LOG.removeHandler(handler)
        handler.close()
    console = logging.StreamHandler(sys.stdout)
    console.setFormatter(_Plain())
    LOG.addHandler(console)
    silence_libraries()


def silence_libraries() -> None:
    """Lightning announces accelerators and tips at INFO; what matters of it stands in run.json."""
    for name in ("lightning.pytorch", "lightning.fabric", "lightning"):
        logging.getLogger(name).setLevel(logging.WARNING)
    for name in ("callbacks.model_summary", "callbacks.early_stopping", "utilities.rank_zero"):
        asked = logging.getLogger(f"lightning.pytorch.{name}")
        asked.setLevel(logging.INFO)
        if not any(isinstance(each, _OfCallbacks) for each in asked.filters):
            asked.addFilter(_OfCallbacks())


class _OfCallbacks(logging.Filter):
    """Lets pass what callbacks of Lightning say, which a config asks for: a table, or with ``verbose`` a line.

    Averaged weights announce unasked that they go on.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        place = Path(record.pathname)
        return record.levelno >= logging.WARNING or ("callbacks" in place.parts and place.stem != "weight_averaging")


def start_log_file(path: Path) -> logging.Handler:
    """Adds log.txt, with times; warnings of Python and of Lightning go there as well."""
    handler = _LogFile(path, encoding="utf-8", errors="backslashreplace")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%Y-%m-%d %H:%M:%S"))
    logging.captureWarnings(True)
    for name in ("segexp", "py.warnings", "lightning.pytorch"):
        logging.getLogger(name).addHandler(handler)
    return handler


def stop_log_file(handler: logging.Handler) -> None:
    """Takes log.txt away again, so that the next job of a sweep does not write into it."""
    logging.captureWarnings(False)
    for name in ("segexp", "py.warnings", "lightning.pytorch"):
        logging.getLogger(name).removeHandler(handler)
    handler.close()


def _log_files() -> list["_LogFile"]:
    return [handler for handler in LOG.handlers if isinstance(handler, _LogFile)]


def place_of_log() -> Path | None:
    """The folder in which the open log.txt lies now; None: it was removed, or the system does not say."""
    for handler in _log_files():
        if handler.stream is None:
            continue
        with contextlib.suppress(OSError):
            found = os.readlink(f"/proc/self/fd/{handler.stream.fileno()}")  # noqa: PTH115 - no path, but what is open
            return Path(found).parent if Path(found).is_file() else None
    return None


def reopen_log(path: Path) -> None:
    """Starts a new log.txt where the one that is written into has vanished, and says so."""
    if path.is_file():
        return
    for handler in _log_files():
        if Path(handler.baseFilename) == path.absolute():
            handler.begin_anew()
            LOG.warning(f"{path}: was removed while the run goes on; the lines before this one are lost")


@contextmanager
def log_file(path: Path) -> Iterator[None]:
    """In this context what is said also goes to a log.txt, see :func:`start_log_file`."""
    handler = start_log_file(path)
    try:
        yield
    finally:
        stop_log_file(handler)


class _LogFile(logging.FileHandler):
    """On a full disk it says so once, in a line, where logging prints a trace for every record."""

    def begin_anew(self) -> None:
        """Closes the file, whatever it is called by now, and opens one of its name."""
        with self.lock or contextlib.nullcontext():
            if self.stream is not None:
                self.stream.close()
            self.stream = self._open()

    def close(self) -> None:
        try:
            super().close()
        except OSError:  # what could not be written is tried again here
            self.handleError(logging.makeLogRecord({}))

    def handleError(self, record: logging.LogRecord) -> None:
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not getattr(self, "_told", False):
            self._told = True
            print(f"segexp: {self.baseFilename}: cannot be written ({error.strerror})", file=sys.stderr)  # noqa: T201


class _Plain(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        text = readable(record.getMessage())
        return text if record.levelno < logging.WARNING else f"{record.levelname.lower()}: {text}"


T = TypeVar("T")
DELAY = 2.0
"""Seconds before a bar appears."""


def progress(items: Iterable[T], total: int, label: str, delay: float = DELAY) -> Iterable[T]:
    """Passes items on one by one, with a bar on standard error where that is a terminal.

    Args:
        items: The work, item by item.
        total: Number of items.
        label: Text beside the bar.
        delay: Seconds before the bar appears.
    """
    from tqdm import tqdm

    bar: Iterable[T] = tqdm(items, total=total, desc=label, leave=False, delay=delay, disable=None)
    return bar
