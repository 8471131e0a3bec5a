"""Image files: headers at once, pixels window by window.

``open_raster(path)`` for images, ``open_raster(path, raw=True)`` for masks.
"""

from segexp.data.rasters.aligned import MirroredRaster, aligned
from segexp.data.rasters.base import Header, Raster
from segexp.data.rasters.converted import ConvertedRaster
from segexp.data.rasters.handles import DEFAULT_MAP_LIMIT, close_files, release_pages, set_map_limit
from segexp.data.rasters.limit import DEFAULT_GB, Limit, set_image_limit
from segexp.data.rasters.opening import open_raster
from segexp.data.rasters.picked import PickedBands
from segexp.data.rasters.plain import read_grey, read_rgb
from segexp.data.rasters.shown import as_grey, as_rgb

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
