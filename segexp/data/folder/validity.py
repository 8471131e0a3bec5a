"""Where pixels count: valid masks, which hold 0 where nothing does, and the number for missing pixels of GeoTIFF."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from segexp.data.folder.channels import OpaqueRaster
from segexp.data.items.item import Mask
from segexp.data.items.stored import MaskSource
from segexp.data.labels.mask_numbers import find_tone_reader
from segexp.data.labels.mask_reading import MaskReader
from segexp.rasters import Raster, open_raster
from segexp.rasters.base import Pixels
from segexp.spec import IGNORED


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


class NodataMask:
    """A mask that is 255 wherever the image has no data."""

    def __init__(self, mask: MaskSource, image: Raster, nodata: int) -> None:
        """Keeps them; ``nodata`` is a number that pixels of the image can have."""
        self.mask = mask
        self.image = image
        self.nodata = nodata

    @property
    def valid(self) -> object:
        """The file that says where pixels count, if there is one; its size is compared with the image's."""
        return getattr(self.mask, "valid", None)

    @property
    def paths(self) -> tuple[Path, ...]:
        """Files of the mask; that of the image is counted already."""
        return self.mask.paths

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the mask."""
        return self.mask.shape

    @property
    def mapped(self) -> bool:
        """True where mask and image are both memory-mapped."""
        return self.mask.mapped and self.image.mapped

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window, 255 where the image has no data."""
        missing = (self.image.window(top, left, height, width) == self.nodata).all(axis=2)
        return np.where(missing, IGNORED, self.mask.window(top, left, height, width)).astype(np.uint8)


def mask_nodata(mask: MaskSource, image: Raster) -> MaskSource:
    """The mask itself where the image knows no number for missing pixels."""
    number = image.missing_number
    return mask if number is None else NodataMask(mask, image, number)
