"""Image files: headers at once, pixels window by window.

``open_raster(path)`` for images, ``open_raster(path, raw=True)`` for masks.
"""

from segexp.rasters.base import Header, Raster
from segexp.rasters.display import as_grey, as_rgb
from segexp.rasters.ground.align import MirroredRaster, align_mask
from segexp.rasters.handles import DEFAULT_MAP_LIMIT, close_files, release_pages, set_map_limit
from segexp.rasters.limit import DEFAULT_GB, Limit, set_image_limit
from segexp.rasters.opening import open_raster
from segexp.rasters.plain import read_grey, read_rgb
from segexp.rasters.views import EqualChannelsRaster, SelectedBands

__all__ = [
    "DEFAULT_GB",
    "DEFAULT_MAP_LIMIT",
    "EqualChannelsRaster",
    "Header",
    "Limit",
    "MirroredRaster",
    "Raster",
    "SelectedBands",
    "align_mask",
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
