"""Writes TIFFs as a mapping agency would give them: uncompressed strips, upright on the map, square pixels."""

from pathlib import Path

import numpy as np
import tifffile
from numpy.typing import NDArray

_STRIP = 8192
"""Bytes of a strip, as GDAL makes them: of a wide image each row is one."""
_SHORT, _DOUBLE = 3, 12
"""Types of TIFF tags."""
_SCALE, _TIEPOINT, _KEYS = 33550, 33922, 34735
_PROJECTED, _AREA, _METRE = 1, 1, 9001


def write_georeferenced(
    path: Path, pixels: NDArray[np.uint8], epsg: int, corner: tuple[float, float], side: float
) -> None:
    """Writes an image with its place on the ground.

    Args:
        path: The file.
        pixels: uint8 (H, W, 3) or (H, W).
        epsg: Number of a projected coordinate system in metres.
        corner: Easting and northing of the top-left corner in metres.
        side: Side of a pixel in metres.
    """
    keys = (1024, 0, 1, _PROJECTED), (1025, 0, 1, _AREA), (3072, 0, 1, epsg), (3076, 0, 1, _METRE)
    directory = [1, 1, 0, len(keys), *(number for key in keys for number in key)]
    tiepoint = [0.0, 0.0, 0.0, *corner, 0.0]
    tags = [
        (_SCALE, _DOUBLE, 3, [side, side, 0.0], True),
        (_TIEPOINT, _DOUBLE, 6, tiepoint, True),
        (_KEYS, _SHORT, len(directory), directory, True),
    ]
    tifffile.imwrite(
        path,
        pixels,
        photometric="rgb" if pixels.ndim == 3 else "minisblack",
        rowsperstrip=max(1, _STRIP // (pixels.nbytes // len(pixels))),
        extratags=tags,
        metadata=None,
    )
