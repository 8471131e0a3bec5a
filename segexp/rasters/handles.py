"""Open files of this process: few at a time, and memory-mapped pages given back before they fill the memory.

Every page of a map that is read stays in the resident memory of the process: random windows of 36 tiles of 100 MB
would end in 3.6 GB. So the pages are counted, and when there are more than ``limit`` bytes of them, those of the maps
used longest ago are given back. The kernel keeps the file in its cache: to use such a page again costs
microseconds, not a read.
"""

import os
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Any

from segexp.system.allocator import LARGE, return_memory

DEFAULT_MAP_LIMIT = 256 * 2**20
"""Bytes of mapped pages that a process keeps: two tiles of 5000x5000x3 with their masks."""
MAX_OPEN = 128
"""Files kept open: well below the 256 that some systems allow a process."""


class Handles:
    """Open files of a process, the one used last at the end."""

    def __init__(self, limit: int | None = DEFAULT_MAP_LIMIT) -> None:
        """Opens nothing.

        Args:
            limit: Bytes of mapped pages to keep; None: no limit.
        """
        self.limit = limit
        self.reset()

    def reset(self) -> None:
        """Forgets all handles, which closes those that nobody reads from at the moment."""
        # Also after a fork: the lock may be held by a thread that the child does not have.
        self._lock = threading.Lock()
        self._open: OrderedDict[Hashable, Any] = OrderedDict()
        self._touched: OrderedDict[Hashable, int] = OrderedDict()
        self.total = 0

    def get(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """Gives the handle of ``key``, opened if need be; the handles used longest ago are closed for it."""
        with self._lock:
            handle = self._open.get(key)
            if handle is not None:
                self._open.move_to_end(key)
                if key in self._touched:
                    self._touched.move_to_end(key)
                return handle
        handle = make()
        with self._lock:
            self._open[key] = handle
            while len(self._open) > MAX_OPEN:
                self._close_oldest()
        return handle

    def touched(self, key: Hashable, size: int) -> None:
        """Notes that ``size`` further bytes of a map are in memory, and gives back those beyond the limit."""
        with self._lock:
            if key not in self._open:
                return
            self._touched[key] = self._touched.get(key, 0) + size
            self.total += size
            self._keep_limit()

    def set_limit(self, limit: int | None) -> None:
        """Sets another limit, kept from now on."""
        with self._lock:
            self.limit = limit
            self._keep_limit()

    def release_all(self) -> None:
        """Gives all pages back; the maps stay."""
        with self._lock:
            self._keep_limit(0)

    def _keep_limit(self, other: int | None = None) -> None:
        limit = self.limit if other is None else other
        while limit is not None and self.total > limit:
            key, size = self._touched.popitem(last=False)
            self.total -= size
            if not self._open[key].release():
                del self._open[key]

    def _close_oldest(self) -> None:
        # Dropping the last reference closes it; who still reads from it in another thread holds one.
        key, _ = self._open.popitem(last=False)
        self.total -= self._touched.pop(key, 0)

    def __len__(self) -> int:
        return len(self._open)


HANDLES = Handles()
if hasattr(os, "register_at_fork"):
    # A child shares the file position of handles that it inherits, and would read at wrong places.
    os.register_at_fork(after_in_child=HANDLES.reset)


def set_map_limit(limit: int | None) -> None:
    """Sets how many bytes of memory-mapped pages a process keeps (default 256 MiB); None: no limit.

    Holds for this process and those forked from it; a process started otherwise begins with the default.
    """
    HANDLES.set_limit(limit)


def release_pages() -> None:
    """Gives the memory of all mapped pages back, for example before work that needs much of it."""
    HANDLES.release_all()


def close_files() -> None:
    """Closes all files that are kept open, for example before they are deleted or replaced."""
    HANDLES.reset()


def release_image_memory(pixels: int) -> None:
    """Returns freed memory and pages of mapped files to the system, around the work on an image of so many pixels."""
    return_memory(pixels)
    if pixels > LARGE:
        release_pages()
