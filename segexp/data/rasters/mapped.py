"""Uncompressed pixels in a file, memory-mapped: a window costs a copy of its bytes and nothing else."""

import mmap
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.data.rasters.base import Header, Pixels, Raster
from segexp.data.rasters.faults import from_system, unreadable
from segexp.data.rasters.handles import HANDLES


@dataclass(frozen=True)
class Layout:
    """Where the pixels lie in the file.

    Attributes:
        offset: Byte of the first pixel.
        dtype: Type in the byte order of the file.
        shape: Axes as stored.
        order: ``C`` or ``F``, as in numpy.
        axes: Which stored axis is row, column and channel.
    """

    offset: int
    dtype: np.dtype[Any]
    shape: tuple[int, int, int]
    order: Literal["C", "F"] = "C"
    axes: tuple[int, int, int] = (0, 1, 2)

    @property
    def size(self) -> int:
        """Bytes of all pixels."""
        return int(np.prod(self.shape, dtype=np.int64)) * self.dtype.itemsize


class _Map:
    """An open map: the pixels, and which rows of them have been read."""

    def __init__(self, pixels: NDArray[Any], whole_rows: bool) -> None:
        self.pixels = pixels
        self.seen = np.zeros(len(pixels) if whole_rows else 1, dtype=bool)
        # Of a row the kernel maps more than the window: 64 KiB around each page that is asked for.
        self.row_bytes = pixels.nbytes // len(self.seen)

    def newly_touched(self, top: int, bottom: int) -> int:
        """Bytes that no window has touched before."""
        seen = self.seen[top:bottom] if len(self.seen) > 1 else self.seen
        new = len(seen) - int(np.count_nonzero(seen))
        if new:
            seen[:] = True
        return new * self.row_bytes


class MappedRaster(Raster):
    """Uncompressed TIFF strips, .npy arrays, binary PPM and PGM."""

    mapped = True

    def __init__(self, header: Header, layout: Layout, *, raw: bool = False) -> None:
        """Checks that the file is long enough; nothing is mapped yet.

        Raises:
            DataError: The file ends before its last pixel. Reading on would give zeros, or end the process.
        """
        super().__init__(header, raw=raw)
        self.layout = layout
        self._key = (str(header.path), header.state, layout.offset)
        self._check_length(header.state[0])

    def _check_length(self, size: int) -> None:
        needed = self.layout.offset + self.layout.size
        if size < needed:
            raise unreadable(self.path, f"its pixels end at byte {needed}")

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Copies a window out of the map."""
        opened: _Map = HANDLES.get(self._key, self._map)
        window = opened.pixels[top : top + height, left : left + width]
        # bool becomes uint8, foreign byte order that of this machine.
        pixels = np.array(window, dtype=self.dtype, order="C")
        touched = opened.newly_touched(top, top + height)
        if touched:
            HANDLES.touched(self._key, touched)
        return pixels

    def _map(self) -> _Map:
        layout = self.layout
        try:
            with self.path.open("rb") as file:
                # Shorter than it was: pages beyond the end would kill the process.
                self._check_length(file.seek(0, 2))
                pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise from_system(self.path, error) from error
        stored = np.ndarray(layout.shape, layout.dtype, pages, layout.offset, order=layout.order)
        return _Map(stored.transpose(layout.axes), whole_rows=layout.order == "C")
