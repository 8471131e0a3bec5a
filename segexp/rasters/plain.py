"""Reads whole images as 8-bit arrays, for data sets whose files are small and of one kind."""

from pathlib import Path

import numpy as np

from segexp.rasters.base import Pixels
from segexp.rasters.display import as_grey, as_rgb
from segexp.rasters.faults import unsupported
from segexp.rasters.opening import open_raster


def read_rgb(path: Path) -> Pixels:
    """Decodes an 8-bit colour or grey image.

    Returns:
        uint8 (H, W, 3), 0..255.

    Raises:
        DataError: The file is missing, truncated, no image, or has 16 bits.
    """
    return as_rgb(_eight_bits(path, is_image=True), path)


def read_grey(path: Path) -> Pixels:
    """Decodes a mask: grey values, or the grey values that a palette stands for.

    Returns:
        uint8 (H, W), 0..255.

    Raises:
        DataError: The file is missing, truncated, no image, has colour or 16 bits.
    """
    return as_grey(_eight_bits(path), path)


def _eight_bits(path: Path, *, is_image: bool = False) -> Pixels:
    raster = open_raster(path)
    if is_image and raster.channels in (2, 4) and not raster.header.has_alpha:
        found = f"{raster.channels} bands, none of which the file calls alpha"
        raise unsupported(path, found, "grey or RGB", "save red, green and blue alone")
    if raster.dtype != np.uint8:
        raise unsupported(path, f"{raster.dtype} pixels", "8 bits", "save it as uint8")
    return raster.read()
