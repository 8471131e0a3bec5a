"""Strips and tiles of a TIFF: which ones a window touches, and whether they are as they were written."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import tifffile

from segexp.rasters.formats.checksums import WITH_CHECKSUMS, DamagedError, check_block_sum


class TiffBlock(NamedTuple):
    """One strip or tile.

    Attributes:
        number: In the file.
        band: Which band it is of, where bands are apart; 0 else.
        top: Its first row in the image.
        left: Its first column in the image.
    """

    number: int
    band: int
    top: int
    left: int


class TiffBlocks:
    """Strips or tiles of one page.

    Attributes:
        rows: Rows of each.
        columns: Columns of each.
        bands: How many there are at each place: more than one where bands are apart.
        size: Bytes of the pixels of one, decoded.
    """

    def __init__(self, page: tifffile.TiffPage) -> None:
        """Reads the lists of the page."""
        self.rows, self.columns = block_shape(page)
        self.across, self.down = -(-page.imagewidth // self.columns), -(-page.imagelength // self.rows)
        self.bands = page.samplesperpixel if page.planarconfig == 2 else 1
        self.size = block_size(page)
        self._offsets = np.array(page.dataoffsets, np.int64)
        self._counts = np.array(page.databytecounts, np.int64)
        self._compression = str(getattr(page.compression, "name", page.compression)).lower()
        # Of bytes with their bits reversed the checksum is not of what is stored.
        has_sums = self._compression in WITH_CHECKSUMS and page.fillorder == 1
        self._unchecked = np.full(len(self._offsets), has_sums)

    def touched(self, top: int, left: int, height: int, width: int) -> Iterator[TiffBlock]:
        """Yields the blocks that a window touches: numbered along rows, then down, then band by band."""
        for band in range(self.bands):
            for row in range(top // self.rows, -(-(top + height) // self.rows)):
                for column in range(left // self.columns, -(-(left + width) // self.columns)):
                    number = (band * self.down + row) * self.across + column
                    yield TiffBlock(number, band, row * self.rows, column * self.columns)

    def check(self, path: Path, top: int, left: int, height: int, width: int) -> None:
        """Checks the blocks that a window touches, each once.

        Raises:
            DamagedError: One was changed after it was written, or unfolds to more than its pixels.
            OSError: The file cannot be read.
        """
        touched = self.touched(top, left, height, width)
        waiting = [block.number for block in touched if self._unchecked[block.number]]
        if not waiting:
            return
        with path.open("rb") as file:
            for index in waiting:
                file.seek(int(self._offsets[index]))
                try:
                    check_block_sum(file.read(int(self._counts[index])), self._compression, self.size)
                except DamagedError as error:
                    raise DamagedError(f"strip or tile {index}: {error}") from error
                self._unchecked[index] = False


def block_shape(page: tifffile.TiffPage) -> tuple[int, int]:
    """Gives rows and columns of a strip or tile."""
    if page.is_tiled:
        return int(page.tilelength), int(page.tilewidth)
    return int(min(page.rowsperstrip, page.imagelength)), int(page.imagewidth)


def block_size(page: tifffile.TiffPage) -> int:
    """Gives the bytes of the pixels of one strip or tile."""
    rows, columns = block_shape(page)
    samples = 1 if page.planarconfig == 2 else page.samplesperpixel
    return int(rows * columns * samples * (np.dtype(page.dtype).itemsize if page.dtype is not None else 1))
