"""Missing pixels of GeoTIFF images: where all bands hold the number for missing ones, nothing counts."""

from pathlib import Path

import numpy as np

from segexp.data.items.item import Mask
from segexp.data.items.stored import MaskSource
from segexp.rasters import Raster
from segexp.spec import IGNORED


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
        """Whether both are memory-mapped."""
        return self.mask.mapped and self.image.mapped

    def window(self, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window, 255 where the image has no data."""
        missing = (self.image.window(top, left, height, width) == self.nodata).all(axis=2)
        return np.where(missing, IGNORED, self.mask.window(top, left, height, width)).astype(np.uint8)


def mask_nodata(mask: MaskSource, image: Raster) -> MaskSource:
    """The mask itself where the image knows no number for missing pixels."""
    number = image.missing_number
    return mask if number is None else NodataMask(mask, image, number)
