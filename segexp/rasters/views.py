"""Rasters that show another one in other channels: grey or RGB, or some of its bands."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np

from segexp.errors import DataError
from segexp.rasters.base import Pixels, Raster
from segexp.rasters.display import as_grey, as_rgb


class EqualChannelsRaster(Raster):
    """Raster in one channel or three: RGB with equal channels becomes grey, grey becomes RGB."""

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
        """Reads a window (h, w, 1) or (h, w, 3)."""
        pixels = self.raster.window(top, left, height, width)
        return as_grey(pixels, self.path)[..., None] if self.channels == 1 else as_rgb(pixels, self.path)

    def describe(self) -> str:
        """Describes the file that is converted."""
        return self.raster.describe()


class SelectedBands(Raster):
    """Raster of some bands of another, in the order given."""

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
        """Reads the selected bands (h, w, C) of a window."""
        return np.ascontiguousarray(self.whole.window(top, left, height, width)[..., self.places])
