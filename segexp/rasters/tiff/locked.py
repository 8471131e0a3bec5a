"""Files whose decoder serves one thread at a time: opened once, read under a lock."""

import threading
from abc import abstractmethod
from typing import Any, ClassVar

import numpy as np

from segexp.rasters.base import Header, Pixels, Raster
from segexp.rasters.faults import from_system, unreadable
from segexp.rasters.handles import HANDLES
from segexp.rasters.limit import Limit


class LockedRaster(Raster):
    """Raster of a file that is tiled, compressed or packed; what is open stays among the handles of the process."""

    decoder: ClassVar[str]
    """Part of the key of the handles."""

    def __init__(self, header: Header, *, raw: bool = False, limit: Limit | None = None) -> None:
        """Opens nothing; ``limit`` is what a window may take, None: anything."""
        super().__init__(header, raw=raw)
        self._limit = limit
        self._key = (self.decoder, str(header.path), header.state)

    @abstractmethod
    def opened(self) -> Any:
        """Opens the file.

        Raises:
            DataError: It cannot be opened, or is not as its header said.
        """

    @abstractmethod
    def fill(self, pixels: Pixels, file: Any, top: int, left: int) -> None:
        """Writes the window that begins at (top, left) into ``pixels`` (h, w, C); may raise anything."""

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Decodes the blocks that a window touches."""
        if self._limit is not None:
            need = height * width * self.header.channels * self.dtype.itemsize
            self._limit.check(self.path, need, f"{width}x{height} pixels of it at once ({self.header.kind})")
        file, lock = HANDLES.get(self._key, self._with_lock)
        pixels = np.empty((height, width, self.header.channels), dtype=self.dtype)
        try:
            with lock:
                self.fill(pixels, file, top, left)
        except Exception as error:  # each decoder and codec raises its own classes
            raise unreadable(self.path, error) from error
        return pixels

    def _with_lock(self) -> tuple[Any, threading.Lock]:
        try:
            return self.opened(), threading.Lock()
        except OSError as error:
            raise from_system(self.path, error) from error

    def unchanged(self) -> None:
        """Refuses a file that is not the one whose header was read."""
        if self.path.stat().st_size != self.header.state[0]:
            raise unreadable(self.path, f"it had {self.header.state[0]} bytes before", "Let it be while it is read")
