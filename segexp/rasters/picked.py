"""Some bands of an image file, in the order that is asked for."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from segexp.errors import DataError
from segexp.rasters.base import Pixels, Raster


class PickedBands(Raster):
    """Some bands of a raster, in the order given."""

    def __init__(self, whole: Raster, bands: Sequence[int]) -> None:
        """Keeps the raster.

        Args:
            whole: The file.
            bands: Numbers from 1.

        Raises:
            DataError: It has no such band.
        """
        if not all(1 <= band <= whole.channels for band in bands):
            raise DataError(f"{whole.path}: has {whole.channels} bands, bands={list(bands)} asks for others")
        header = replace(whole.header, height=whole.height, width=whole.width, channels=len(bands), orientation=1)
        super().__init__(replace(header, palette=None, white=255, white_is_zero=False, has_alpha=False))
        self.whole = whole
        self.mapped = whole.mapped
        self.places = [band - 1 for band in bands]

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """The bands of a window."""
        return np.ascontiguousarray(self.whole.window(top, left, height, width)[..., self.places])
