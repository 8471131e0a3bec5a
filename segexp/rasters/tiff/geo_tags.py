"""Reads tags of a GeoTIFF: size of a pixel, and the number for missing ones."""

import math
from typing import Any

import tifffile

_PROJECTED = 1
_METRES = {9001: 1.0, 9002: 0.3048, 9003: 1200 / 3937}
"""Metres per unit of the linear units of EPSG that maps use: metre, foot, US survey foot."""
_NODATA = 42113


def read_nodata(page: tifffile.TiffPage) -> float | None:
    """Reads the number for missing pixels that GDAL wrote; None: none."""
    text = page.tags.valueof(_NODATA)
    try:
        return None if text is None else float(str(text).strip("\x00 "))
    except ValueError:
        return None


def read_pixel_size(page: tifffile.TiffPage) -> float | None:
    """Reads the side of a pixel in metres (of a rectangle: of the square of the same area).

    None without a projected coordinate system, or when its unit is not given.
    """
    tags: dict[str, Any] = page.geotiff_tags or {}
    metres = _METRES.get(int(tags.get("ProjLinearUnitsGeoKey", 0)))
    if tags.get("GTModelTypeGeoKey") != _PROJECTED or metres is None:
        return None
    sides = _sides(tags)
    if sides is None:
        return None
    area = abs(sides[0] * sides[1])
    return math.sqrt(area) * metres if area > 0 else None


def _sides(tags: dict[str, Any]) -> tuple[float, float] | None:
    scale, matrix = tags.get("ModelPixelScale"), tags.get("ModelTransformation")
    if scale is not None:
        return float(scale[0]), float(scale[1])
    if matrix is not None:
        return math.hypot(matrix[0][0], matrix[1][0]), math.hypot(matrix[0][1], matrix[1][1])
    return None
