"""Images of one number of channels, whatever mixture of grey, RGB and alpha the files are."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.folder.masks.sample import take_evenly
from segexp.errors import DataError
from segexp.rasters import Raster, as_rgb, open_raster

Channels = Literal["all", "rgb", "grey"]
HEADERS = 100
"""Images whose headers are looked at to choose."""


def choose_channels(rasters: Sequence[Raster]) -> Channels:
    """Chooses channels that a sample of images has in common: all, or RGB or grey where PNG and the like are mixed.

    Bands of TIFF files and of arrays are data, whatever their number, and stay.
    """
    found = {raster.channels for raster in rasters}
    if not found:
        # None could be opened, which is told with the files.
        return "all"
    bands = any(raster.header.kind.startswith(("TIFF", "GeoTIFF", "NumPy")) for raster in rasters)
    if bands or found in ({1}, {3}) or not found <= {1, 2, 3, 4}:
        return "all"
    return "grey" if found <= {1, 2} else "rgb"


class OpaqueRaster(Raster):
    """An image as RGB or as grey; alpha is left out, grey is repeated, colours become their luminance."""

    def __init__(self, whole: Raster, channels: Literal["rgb", "grey"]) -> None:
        """Keeps the raster.

        Raises:
            DataError: It has more than four channels, whose colours nobody knows.
        """
        if whole.channels > 4:
            raise DataError(
                f"{whole.path}: {whole.channels} channels, expected grey or RGB, with or without alpha; use "
                "datamodule.channels=all"
            )
        if whole.channels in (2, 4) and not whole.header.has_alpha:
            raise DataError(
                f"{whole.path}: {whole.channels} bands, none of which the file calls alpha, expected grey or RGB, with "
                "or without alpha; choose some, numbered from 1, in their order, as in 'datamodule.bands=[3,2,1]', or "
                "take them all: datamodule.channels=all"
            )
        white = int(np.iinfo(whole.dtype).max)
        shown = replace(
            whole.header, height=whole.height, width=whole.width, channels=3 if channels == "rgb" else 1, palette=None,
            white=white, white_is_zero=False, orientation=1, has_alpha=False,
        )  # fmt: skip
        super().__init__(shown)
        self.whole = whole
        self.mapped = whole.mapped
        self.is_rgb = channels == "rgb"

    def stored(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """A window (h, w, 3) or (h, w, 1)."""
        pixels = self.whole.window(top, left, height, width)
        if self.is_rgb:
            return as_rgb(pixels, self.path)
        if self.whole.channels < 3:
            return np.ascontiguousarray(pixels[..., :1])
        return np.asarray(cv2.cvtColor(np.ascontiguousarray(pixels[..., :3]), cv2.COLOR_RGB2GRAY))[..., None]


def open_headers(paths: Sequence[Path]) -> list[Raster]:
    """Headers of some of the images; what cannot be read is named later, with all other bad files."""
    rasters = []
    for path in take_evenly(paths, HEADERS):
        with suppress(DataError):
            rasters.append(open_raster(path))
    return rasters
