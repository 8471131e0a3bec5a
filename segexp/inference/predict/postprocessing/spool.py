"""The classes of a raster while its objects are looked at: in memory if it is small, else in a file without a name."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Classes = NDArray[np.uint8]

IN_MEMORY = 1 << 26
"""Bytes up to which it is kept in memory."""
AT_ONCE = 1 << 23
"""Pixels of a band: numbers of objects and what is known of them take about ten bytes a pixel on the way."""


class Spool:
    """Rows of uint8, written from top to bottom, then read and replaced in bands."""

    def __init__(self, width: int, folder: Path | None = None, rows: int | None = None) -> None:
        """Empty.

        Args:
            width: Columns.
            folder: Where the file goes, of which nothing is left however the process ends; None: the temporary folder.
            rows: Of a band; None: by :data:`AT_ONCE`.
        """
        self.height, self.width = 0, width
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY, dir=None if folder is None else str(folder))  # noqa: SIM115 - closed by close
        self._rows = rows or max(1, AT_ONCE // width)

    def append(self, rows: Classes) -> None:
        """Adds rows (n, W) at the bottom."""
        self.replace(self.height, rows)
        self.height += len(rows)

    def read(self, top: int, count: int) -> Classes:
        """Reads some rows (count, W), an array of its own."""
        self._file.seek(top * self.width)
        content = bytearray(self._file.read(count * self.width))
        return np.frombuffer(content, np.uint8).reshape(count, self.width)

    def window(self, top: int, left: int, height: int, width: int) -> Classes:
        """Reads a part (height, width), an array of its own."""
        return np.concatenate([self.read(row, 1)[:, left : left + width] for row in range(top, top + height)])

    def replace(self, top: int, pixels: Classes, left: int = 0) -> None:
        """Puts pixels (n, w) in the place of others."""
        whole = pixels.shape[1] == self.width
        for number, row in enumerate([pixels] if whole else pixels):
            self._file.seek((top + number) * self.width + left)
            self._file.write(row.tobytes())

    def bands(self) -> Iterator[tuple[int, Classes]]:
        """Yields all rows, band by band, each with the number of its first row."""
        for top in range(0, self.height, self._rows):
            yield top, self.read(top, min(self._rows, self.height - top))

    def close(self) -> None:
        """Frees memory and file."""
        self._file.close()
