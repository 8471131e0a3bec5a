"""Image files: headers at once, pixels window by window.

``open_raster(path)`` for images, ``open_raster(path, raw=True)`` for masks.
"""

from segexp.rasters.aligned import MirroredRaster, aligned
from segexp.rasters.base import Header, Raster
from segexp.rasters.converted import ConvertedRaster
from segexp.rasters.handles import DEFAULT_MAP_LIMIT, close_files, release_pages, set_map_limit
from segexp.rasters.limit import DEFAULT_GB, Limit, set_image_limit
from segexp.rasters.opening import open_raster
from segexp.rasters.picked import PickedBands
from segexp.rasters.plain import read_grey, read_rgb
from segexp.rasters.shown import as_grey, as_rgb

__all__ = [
    "DEFAULT_GB",
    "DEFAULT_MAP_LIMIT",
    "ConvertedRaster",
    "Header",
    "Limit",
    "MirroredRaster",
    "PickedBands",
    "Raster",
    "aligned",
    "as_grey",
    "as_rgb",
    "close_files",
    "open_raster",
    "read_grey",
    "read_rgb",
    "release_pages",
    "set_image_limit",
    "set_map_limit",
]
