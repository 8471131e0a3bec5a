"""An image file given in one channel or in three, whatever it is saved in."""

from dataclasses import replace
from typing import Literal

from segexp.rasters.base import Pixels, Raster
from segexp.rasters.shown import as_grey, as_rgb


class ConvertedRaster(Raster):
    """Grey as one channel, also where it is saved as RGB with equal channels; RGB, also where it is saved as grey."""

    def __init__(self, raster: Raster, channels: Literal[1, 3]) -> None:
        """Reads no pixel.

        Args:
            raster: The file, opened as an image (not ``raw``).
            channels: 1: grey; a window with colour is a DataError then. 3: RGB.
        """
        header = replace(raster.header, height=raster.height, width=raster.width, channels=channels, orientation=1)
        # Palette and white are dealt with by the raster that is wrapped.
        super().__init__(replace(header, palette=None, white=255, white_is_zero=False))
        self.raster = raster
        self.mapped = raster.mapped

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """A window in the channels wanted."""
        pixels = self.raster.window(top, left, height, width)
        return as_grey(pixels, self.path)[..., None] if self.channels == 1 else as_rgb(pixels, self.path)

    def describe(self) -> str:
        """As the file itself."""
        return self.raster.describe()
