"""Uncompressed pixels in a file, memory-mapped: a window costs a copy of its bytes and nothing else."""

import mmap
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from segexp.rasters.base import Header, Pixels, Raster
from segexp.rasters.faults import from_system, unreadable
from segexp.rasters.handles import HANDLES

BLOCK = 2 * 2**20
"""Bytes that one access may bring into memory: the kernel maps the largest piece of its file cache around it."""


@dataclass(frozen=True)
class PixelLayout:
    """Place and order of uncompressed pixels in a file.

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
    """An open map: the pixels, and how much of each block no window has touched yet."""

    def __init__(self, layout: PixelLayout, pages: mmap.mmap) -> None:
        pixels = np.ndarray(layout.shape, layout.dtype, pages, layout.offset, order=layout.order)
        self.pages = pages
        self.pixels = pixels.transpose(layout.axes)
        self.sizes = np.full(-(-len(pages) // BLOCK), BLOCK, dtype=np.int64)
        self.sizes[-1] = len(pages) - (len(self.sizes) - 1) * BLOCK
        self.untouched = self.sizes.copy()
        self.row = self.pixels.strides[0]
        # Rows of bands that are stored apart lie in as many places; those of Fortran order lie everywhere.
        bands = range(layout.shape[0]) if layout.axes[0] != 0 else range(1)
        self.starts = [layout.offset + band * pixels.strides[0] for band in bands]
        self.whole = layout.order == "F"

    def newly_touched(self, top: int, bottom: int) -> int:
        """Bytes of memory that these rows are the first to need."""
        found = 0
        for start in self.starts:
            first, end = (start + top * self.row) // BLOCK, -(-(start + bottom * self.row) // BLOCK)
            blocks = self.untouched[:] if self.whole else self.untouched[first:end]
            found += int(blocks.sum())
            blocks[:] = 0
        return found

    def release(self) -> bool:
        """Gives the memory back and stays open; False: this system cannot, the map has to be closed."""
        if not hasattr(mmap, "MADV_DONTNEED"):
            return False
        self.pages.madvise(mmap.MADV_DONTNEED)
        self.untouched[:] = self.sizes
        return True


class MappedRaster(Raster):
    """Uncompressed TIFF strips, .npy arrays, binary PPM and PGM."""

    mapped = True

    def __init__(self, header: Header, layout: PixelLayout, *, raw: bool = False) -> None:
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
        try:
            with self.path.open("rb") as file:
                # Shorter than it was: pages beyond the end would kill the process.
                self._check_length(file.seek(0, 2))
                pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise from_system(self.path, error) from error
        return _Map(self.layout, pages)
