"""TIFF through tifffile: decodes the strips or tiles that a window touches, without GDAL."""

import numpy as np
import tifffile

from segexp.rasters.base import Pixels
from segexp.rasters.faults import unreadable
from segexp.rasters.silence import silence_tifffile
from segexp.rasters.tiff.blocks import TiffBlocks
from segexp.rasters.tiff.locked import LockedRaster


class SegmentsRaster(LockedRaster):
    """A TIFF that is tiled, compressed or packed, where rasterio is not installed or cannot decode it."""

    decoder = "tifffile"

    def opened(self) -> tuple[tifffile.TiffFile, TiffBlocks]:
        """Opens the file, if it is the one whose header was read; gives it and its strips or tiles."""
        self.unchanged()
        try:
            with silence_tifffile():
                file = tifffile.TiffFile(self.path)
        except tifffile.TiffFileError as error:
            raise unreadable(self.path, error) from error
        return file, TiffBlocks(file.pages.first)

    def fill(self, pixels: Pixels, file: tuple[tifffile.TiffFile, TiffBlocks], top: int, left: int) -> None:
        """Decodes the blocks that the window touches."""
        tiff, blocks = file
        height, width, _ = pixels.shape
        # First: it also bounds what a strip or tile may unfold to.
        blocks.check(self.path, top, left, height, width)
        for number, band, row, column in blocks.touched(top, left, height, width):
            with silence_tifffile():
                block = _decoded(tiff, tiff.pages.first, number)
            channels = slice(band, band + 1) if blocks.bands > 1 else slice(None)
            _paste(pixels[..., channels], block, row - top, column - left)


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
