"""An image file as the prediction needs it: its pixels, and the path by which rasterio reads its location."""

from pathlib import Path
from typing import NamedTuple

import tifffile

from segexp.rasters import Limit, Raster, open_raster
from segexp.rasters.ground.location import GroundLocation, read_sidecar_location
from segexp.rasters.silence import silence_tifffile

TIFFS = ("TIFF", "GeoTIFF")
"""How kinds of files that may lie on the ground begin."""


class ImageFile(NamedTuple):
    """A file whose header has been read.

    Attributes:
        raster: Its pixels.
        gdal: What rasterio opens.
        has_tags: Whether it is a TIFF that says itself where on the ground it lies.
        location: What the files beside it say of that; None: nothing.
    """

    raster: Raster
    gdal: str
    has_tags: bool
    location: GroundLocation | None = None

    @property
    def is_georeferenced(self) -> bool:
        """True if the file, or one beside it, says where on the ground it lies."""
        return self.has_tags or self.location is not None

    @property
    def is_tiff(self) -> bool:
        """True for a TIFF, which may lie on the ground."""
        return self.raster.header.kind.startswith(TIFFS)


def open_local_image(path: Path, limit: Limit | None = None) -> ImageFile:
    """Opens a file of this machine; ``limit`` as in :func:`segexp.rasters.open_raster`.

    Raises:
        DataError: It cannot be read.
    """
    raster = open_raster(path, limit=limit)
    georeferenced = False
    if raster.header.kind.startswith(TIFFS):
        with silence_tifffile(), tifffile.TiffFile(path) as file:
            georeferenced = bool(file.pages.first.geotiff_tags)
    return ImageFile(raster, str(path), georeferenced, read_sidecar_location(path))
