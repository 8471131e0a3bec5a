"""Files that hold 0 where nothing counts: a field of view, a footprint."""

from dataclasses import replace
from pathlib import Path

from segexp.data.folder.channels import OpaqueRaster
from segexp.data.labels.mask_numbers import find_tone_reader
from segexp.data.labels.mask_reading import MaskReader
from segexp.rasters import Raster, open_raster
from segexp.rasters.base import Pixels


class ToneRaster(Raster):
    """Two tones of a file as 0 and 255: nearly black is black, as in masks."""

    def __init__(self, whole: Raster, reading: MaskReader) -> None:
        """Keeps the raster, which is opened ``raw``."""
        header = replace(whole.header, height=whole.height, width=whole.width, channels=1, orientation=1)
        super().__init__(replace(header, palette=None, white=255, white_is_zero=False, has_alpha=False))
        self.whole, self.reading = whole, reading
        self.mapped = whole.mapped

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """A window (h, w, 1)."""
        return self.reading.of(self.whole.window(top, left, height, width)).reshape(height, width, 1)


def open_valid_mask(path: Path) -> Raster:
    """A file that holds 0 where nothing counts, as it is shown; alpha says nothing about that.

    Raises:
        DataError: It cannot be read.
    """
    stored = open_raster(path, raw=True)
    if stored.palette is not None or (stored.channels == 3 and stored.dtype.itemsize == 1):
        reading = find_tone_reader(stored)
        if reading is not None:
            return ToneRaster(stored, reading)
    raster = open_raster(path)
    has_alpha = raster.header.has_alpha and raster.channels in (2, 4)
    return OpaqueRaster(raster, "rgb" if raster.channels == 4 else "grey") if has_alpha else raster
