"""TIFF through rasterio (GDAL): only the strips or tiles that a window touches are decoded."""

import importlib.util
import os
from pathlib import Path
from typing import Any

import tifffile

from segexp.rasters.base import Pixels
from segexp.rasters.faults import unreadable
from segexp.rasters.silence import silence_tifffile, silence_warnings
from segexp.rasters.tiff.blocks import TiffBlocks
from segexp.rasters.tiff.locked import LockedRaster

# GDAL keeps decoded blocks of up to a twentieth of the machine's memory, in every loading process.
os.environ.setdefault("GDAL_CACHEMAX", "64")

_COMPRESSIONS = "none lzw deflate adobe_deflate packbits jpeg zstd lzma webp lerc ccittrle ccittfax3 ccittfax4"
COMPRESSIONS = frozenset(_COMPRESSIONS.split())
"""What the wheels of rasterio decode, by its names in tifffile."""
MOST_BANDS = 512
"""GDAL's time for a block grows with the square of their number: of 4,000 it takes seconds, of 65,000 minutes."""


def has_rasterio() -> bool:
    """Tells whether the extra ``geo`` is installed."""
    return importlib.util.find_spec("rasterio") is not None


class GdalRaster(LockedRaster):
    """Raster of a TIFF that is tiled, compressed or packed, decoded by GDAL."""

    decoder = "gdal"

    def fill(self, pixels: Pixels, file: tuple[Any, TiffBlocks | None], top: int, left: int) -> None:
        """Decodes the blocks that the window touches."""
        import rasterio
        from rasterio.session import DummySession

        height, width, _ = pixels.shape
        dataset, blocks = file
        if blocks is not None:
            blocks.check(self.path, top, left, height, width)
        # Outside of an environment GDAL prints on the terminal what it thinks of odd tags.
        with rasterio.Env(DummySession()):
            dataset.read(out=pixels.transpose(2, 0, 1), window=((top, top + height), (left, left + width)))

    def opened(self) -> tuple[Any, TiffBlocks | None]:
        """Opens the dataset of GDAL, which must see what the header says; gives it and the strips or tiles."""
        import rasterio

        try:
            address = self._address()
            with silence_warnings():
                dataset = rasterio.open(address, driver="GTiff", sharing=False)
        except OSError:
            raise  # most of GDAL's errors too; told as errors of the system
        except rasterio.errors.RasterioError as error:
            raise unreadable(self.path, error) from error
        if dataset.count != self.header.channels or dataset.shape != (self.header.height, self.header.width):
            raise unreadable(self.path, f"GDAL sees {dataset.count} bands of {dataset.shape}")
        return dataset, self._blocks()

    def _blocks(self) -> TiffBlocks | None:
        """What is checked beside GDAL; None: nothing."""
        with silence_tifffile(), tifffile.TiffFile(self.path) as file:
            return TiffBlocks(file.pages.first)

    def _address(self) -> Path | str:
        """What is opened: the file, if it is the one whose header was read."""
        self.unchanged()
        return self.path
