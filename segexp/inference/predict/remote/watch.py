"""Bounds how long a remote file is waited for, and how large it may be: a server may drip for ever, or never end."""

import inspect
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from fsspec.asyn import sync
from fsspec.callbacks import Callback

from segexp.errors import DataError

GB = 10**9
LEAST = 1000
"""Bytes a second below which, for as long as ``timeout``, a server counts as silent."""
PAGE = 64 * 10**6
"""Bytes of a page that lists a folder."""


@dataclass(frozen=True)
class RemoteLimits:
    """Limits of one remote file.

    Attributes:
        seconds: In all.
        gigabytes: Of a file that is copied, in GB (1e9 bytes).
    """

    seconds: float = 3600.0
    gigabytes: float = 50.0

    def check_size(self, size: int | None) -> None:
        """Refuses a file that says that it is larger.

        Raises:
            DataError: Without its address, which is put before it.
        """
        if size is not None and size > self.gigabytes * GB:
            raise DataError(
                f"has {size / GB:.4g} GB, more than max_gigabytes={self.gigabytes:g}; give more of them, or its "
                "address as a TIFF in tiles, which is read where it is"
            )

    def check_time(self, seconds: float) -> None:
        """Refuses what has taken longer.

        Raises:
            DataError: Without its address.
        """
        if seconds > self.seconds:
            raise DataError(
                f"has not arrived within {self.seconds:g} s; the key total_timeout allows more in all, timeout more "
                "without an answer"
            )


class CopyWatch(Callback):  # type: ignore[misc] # fsspec publishes no types
    """Callback that hears of each piece of a copy, and ends a copy beyond the limits by an error."""

    def __init__(self, timeout: float, bounds: RemoteLimits, now: Callable[[], float] = time.monotonic) -> None:
        """Starts the clock.

        Args:
            timeout: Seconds without an answer.
            bounds: Of the whole file.
            now: The clock.
        """
        super().__init__()
        self._timeout, self._bounds, self._now = timeout, bounds, now
        self._began = self._since = now()
        self._copied = self._recent = 0

    def relative_update(self, inc: int = 1) -> None:
        """``inc`` more bytes are here.

        Raises:
            DataError: Too many, too late, or too few for too long.
        """
        now = self._now()
        self._copied += inc
        self._recent += inc
        self._bounds.check_size(self._copied)
        self._bounds.check_time(now - self._began)
        if now - self._since >= self._timeout:
            if self._recent < LEAST * (now - self._since):
                raise DataError(
                    f"almost no answer within {self._timeout:g} s ({self._recent} bytes); the key timeout allows more"
                )
            self._since, self._recent = now, 0


def call_with_timeout(seconds: float, system: Any, method: str, *arguments: Any, **keywords: Any) -> Any:
    """Calls a method of a file system, and ends it after so many seconds where the file system can be ended.

    Raises:
        TimeoutError: The time is up.
    """
    call = getattr(system, method)
    # Where it wraps a coroutine, fsspec takes the time that it may run.
    if inspect.iscoroutinefunction(getattr(call, "__wrapped__", None)):
        keywords["timeout"] = seconds
    return call(*arguments, **keywords)


class TimedFilesystem:
    """File system of whose open files no read of a block takes longer than it may, where it can be ended."""

    def __init__(self, system: Any, seconds: float) -> None:
        """Wraps a file system of fsspec; ``seconds`` of a block."""
        self._system, self._seconds = system, seconds

    def open(self, path: str, mode: str = "rb", **options: Any) -> Any:
        """Opens a file of the file system; reading a block of it is bounded in time."""
        file = self._system.open(path, mode, **options)
        fetch, loop = getattr(file, "async_fetch_range", None), getattr(file, "loop", None)
        if fetch is not None and loop is not None:
            file._fetch_range = lambda start, end: sync(loop, fetch, start, end, timeout=self._seconds)
            if getattr(file, "cache", None) is not None:
                file.cache.fetcher = file._fetch_range
        return file
