"""Aligns a mask with its image, where both say where on the ground they lie."""

from itertools import product

import numpy as np

from segexp.errors import PlaceError
from segexp.rasters.base import Pixels, Raster
from segexp.rasters.ground.location import GroundLocation, read_sidecar_location
from segexp.rasters.views import RasterView

TOLERANCE = 0.5
"""Pixels by which corners may differ, and less: numbers in files are rounded."""


class MirroredRaster(RasterView):
    """An image with its rows, its columns or both in the opposite order."""

    def __init__(self, whole: Raster, *, rows: bool, columns: bool) -> None:
        """Keeps the raster; pixels are as before, ``raw`` or as shown."""
        super().__init__(whole, raw=whole.raw)
        self.rows, self.columns = rows, columns

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a window (h, w, C) of the mirrored image."""
        top = self.height - top - height if self.rows else top
        left = self.width - left - width if self.columns else left
        pixels = self.whole.stored(top, left, height, width)
        return np.ascontiguousarray(pixels[:: -1 if self.rows else 1, :: -1 if self.columns else 1])


def locate_raster(raster: Raster) -> GroundLocation | None:
    """Finds where a file lies, by its tags or the files beside it; None: unknown, or it has to be turned upright."""
    if raster.orientation != 1 or raster.header.orientation != 1:
        return None
    return raster.header.location or read_sidecar_location(raster.path)


def align_mask(raster: Raster, image: Raster) -> Raster:
    """Aligns a mask with its image, pixel on pixel: mirrored where it was stored from south to north.

    Args:
        raster: A mask of the size of the image.
        image: The image.

    Raises:
        PlaceError: Both say where they lie, and it is not the same place.
    """
    there = locate_raster(raster)
    here = locate_raster(image) if there is not None else None
    if here is None or there is None or raster.path == image.path:
        return raster
    height, width = image.height, image.width
    same_system = here.epsg is None or there.epsg is None or here.epsg == there.epsg
    wanted = np.array([(0, 0), (width, 0), (0, height), (width, height)], np.float64)
    for columns, rows in product((False, True), repeat=2) if same_system else ():
        place = there.mirrored(height, width, rows=rows, columns=columns)
        found = here.pixels_of(place.corners(height, width))
        if found is None:
            return raster
        if np.abs(found - wanted).max() < TOLERANCE - 1e-6:
            return MirroredRaster(raster, rows=rows, columns=columns) if rows or columns else raster
    raise PlaceError(
        f"{raster.path}: lies at {there.describe(height, width)}, but its image {image.path} at "
        f"{here.describe(height, width)}; expected the same place to half a pixel: warp the mask onto the grid of its "
        "image, or, if its place means nothing, save it without one, for example as PNG"
    )
