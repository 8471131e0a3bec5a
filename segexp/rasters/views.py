"""Rasters that show another one in other channels: grey or RGB, or some of its bands."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from segexp.errors import DataError
from segexp.rasters.base import Pixels, Raster
from segexp.rasters.display import as_grey, as_rgb


class RasterView(Raster):
    """Raster whose pixels are those of another one, upright and changed on the way.

    Attributes:
        whole: The other raster.
    """

    def __init__(self, whole: Raster, *, raw: bool = False, **changes: Any) -> None:
        """Reads no pixel.

        Args:
            whole: The raster that windows are read from.
            raw: Whether pixels are stored numbers, see :class:`segexp.rasters.base.Raster`.
            changes: Fields of the header that differ.
        """
        size = {"height": whole.height, "width": whole.width, "orientation": 1}
        super().__init__(replace(whole.header, **{**size, **changes}), raw=raw)
        self.whole = whole
        self.mapped = whole.mapped


class EqualChannelsRaster(RasterView):
    """Raster in one channel or three: RGB with equal channels becomes grey, grey becomes RGB."""

    def __init__(self, raster: Raster, channels: Literal[1, 3]) -> None:
        """Reads no pixel.

        Args:
            raster: The file, opened as an image (not ``raw``).
            channels: 1: grey; a window with colour is a DataError then. 3: RGB.
        """
        # The raster that is shown deals with palette and white.
        super().__init__(raster, channels=channels, palette=None, white=255, white_is_zero=False)

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a window (h, w, 1) or (h, w, 3)."""
        pixels = self.whole.window(top, left, height, width)
        return as_grey(pixels, self.path)[..., None] if self.channels == 1 else as_rgb(pixels, self.path)

    def describe(self) -> str:
        """Describes the file that is converted."""
        return self.whole.describe()


class SelectedBands(RasterView):
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
        super().__init__(whole, channels=len(bands), palette=None, white=255, white_is_zero=False, has_alpha=False)
        self.places = [band - 1 for band in bands]

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads the selected bands (h, w, C) of a window."""
        return np.ascontiguousarray(self.whole.window(top, left, height, width)[..., self.places])
