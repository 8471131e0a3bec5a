"""TIFF through rasterio (GDAL): only the strips or tiles that a window touches are decoded."""

import importlib.util
import os
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from segexp.data.rasters.base import Header, Pixels, Raster
from segexp.data.rasters.faults import from_system, unreadable
from segexp.data.rasters.handles import HANDLES

# GDAL keeps decoded blocks of up to a twentieth of the machine's memory, in every loading process.
os.environ.setdefault("GDAL_CACHEMAX", "64")

_COMPRESSIONS = "none lzw deflate adobe_deflate packbits jpeg zstd lzma webp lerc ccittrle ccittfax3 ccittfax4"
COMPRESSIONS = frozenset(_COMPRESSIONS.split())
"""What the wheels of rasterio decode, by its names in tifffile."""
_OPENING = threading.Lock()


def has_rasterio() -> bool:
    """Whether the extra ``geo`` is installed."""
    return importlib.util.find_spec("rasterio") is not None


class GdalRaster(Raster):
    """A TIFF that is tiled, compressed or packed."""

    def __init__(self, header: Header, *, raw: bool = False) -> None:
        super().__init__(header, raw=raw)
        self._key = ("gdal", str(header.path), header.state)

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Decodes what the window touches."""
        dataset, lock = HANDLES.get(self._key, self._open)
        pixels = np.empty((height, width, self.header.channels), dtype=self.dtype)
        try:
            # A dataset of GDAL serves one thread at a time.
            with lock:
                dataset.read(out=pixels.transpose(2, 0, 1), window=((top, top + height), (left, left + width)))
        except Exception as error:  # many classes, none of them common
            raise unreadable(self.path, error) from error
        return pixels

    def _open(self) -> tuple[Any, threading.Lock]:
        import rasterio
        from rasterio.errors import NotGeoreferencedWarning

        try:
            address = self._address()
            # The filters of warnings belong to the process: two threads at once would undo each other's.
            with _OPENING, warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                dataset = rasterio.open(address, driver="GTiff", sharing=False)
        except OSError as error:
            raise from_system(self.path, error) from error
        except rasterio.errors.RasterioError as error:
            raise unreadable(self.path, error) from error
        if dataset.count != self.header.channels or dataset.shape != (self.header.height, self.header.width):
            raise unreadable(self.path, f"GDAL sees {dataset.count} bands of {dataset.shape}")
        return dataset, threading.Lock()

    def _address(self) -> Path | str:
        """What is opened: the file, if it is the one whose header was read."""
        if self.path.stat().st_size != self.header.state[0]:
            raise unreadable(self.path, f"it had {self.header.state[0]} bytes before", "Let it be while it is read")
        return self.path
