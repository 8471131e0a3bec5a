"""TIFF through tifffile: decodes the strips or tiles that a window touches, without GDAL."""

import numpy as np
import tifffile

from segexp.data.rasters.base import Pixels
from segexp.data.rasters.faults import unreadable
from segexp.data.rasters.locked import LockedRaster
from segexp.data.rasters.quiet import quiet_tifffile


class SegmentsRaster(LockedRaster):
    """A TIFF that is tiled, compressed or packed, where rasterio is not installed or cannot decode it."""

    decoder = "tifffile"

    def opened(self) -> tifffile.TiffFile:
        """The file, if it is the one whose header was read."""
        self.unchanged()
        try:
            with quiet_tifffile():
                return tifffile.TiffFile(self.path)
        except tifffile.TiffFileError as error:
            raise unreadable(self.path, error) from error

    def fill(self, pixels: Pixels, file: tifffile.TiffFile, top: int, left: int) -> None:
        """Decodes what the window touches."""
        with quiet_tifffile():
            _fill(pixels, file, top, left)


def _fill(pixels: Pixels, tiff: tifffile.TiffFile, top: int, left: int) -> None:
    """Writes the window that begins at (top, left) into ``pixels`` (h, w, C)."""
    page = tiff.pages.first
    height, width, _ = pixels.shape
    rows, columns = _block(page)
    # Segments are numbered along rows, then down, then band by band where bands are apart.
    across, down = -(-page.imagewidth // columns), -(-page.imagelength // rows)
    bands = page.samplesperpixel if page.planarconfig == 2 else 1
    for band in range(bands):
        for row in range(top // rows, -(-(top + height) // rows)):
            for column in range(left // columns, -(-(left + width) // columns)):
                block = _decoded(tiff, page, (band * down + row) * across + column)
                channels = slice(band, band + 1) if bands > 1 else slice(None)
                _paste(pixels[..., channels], block, row * rows - top, column * columns - left)


def _block(page: tifffile.TiffPage) -> tuple[int, int]:
    if page.is_tiled:
        return page.tilelength, page.tilewidth
    return min(page.rowsperstrip, page.imagelength), page.imagewidth


def _decoded(tiff: tifffile.TiffFile, page: tifffile.TiffPage, index: int) -> Pixels:
    file = tiff.filehandle
    file.seek(page.dataoffsets[index])
    encoded = file.read(page.databytecounts[index])
    options = {"jpegtables": page.jpegtables, "jpegheader": page.jpegheader} if page.compression in (6, 7) else {}
    block, _, shape = page.decode(encoded, index, **options)
    if block is None:
        raise ValueError(f"strip or tile {index} is empty")
    pixels: Pixels = np.asarray(block).reshape(shape)[0]
    return pixels


def _paste(pixels: Pixels, block: Pixels, top: int, left: int) -> None:
    """Copies the part of a block at (top, left), which may stick out on every side."""
    height, width = pixels.shape[:2]
    bottom, right = min(top + block.shape[0], height), min(left + block.shape[1], width)
    first_row, first_column = max(top, 0), max(left, 0)
    part = block[first_row - top : bottom - top, first_column - left : right - left]
    pixels[first_row:bottom, first_column:right] = part
