"""An input file: pixels in the channels of the model, its place on the ground, and where it has no data."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError, MissingExtraError
from segexp.inference.model import Model
from segexp.inference.pixels import ArrayRaster, fit_channels
from segexp.inference.predict.image.image_file import ImageFile, open_local_image
from segexp.inference.predict.output.world_file import is_identity
from segexp.rasters.formats.whole import WholeRaster
from segexp.rasters.ground.location import GroundLocation, Transform
from segexp.rasters.tiff.gdal_raster import has_rasterio
from segexp.runs.console import LOG


class GeoReference(NamedTuple):
    """Georeference of a raster beside its pixels, as rasterio gives it.

    Attributes:
        crs: Coordinate system, or None.
        transform: From pixels to coordinates.
        gcps: Ground control points and their coordinate system.
        rpcs: Rational polynomial coefficients, or None.
        tile: Height and width of the tiles; None: strips.
        masked: Whether GDAL is asked where there is no data: for alpha bands and masks, not for a nodata value, which
            is seen in the pixels without reading them again.
    """

    crs: Any
    transform: Any
    gcps: tuple[Any, Any]
    rpcs: Any
    tile: tuple[int, int] | None
    masked: bool


NO_REFERENCE = GeoReference(None, (1.0, 0.0, 0.0, 0.0, 1.0, 0.0), ([], None), None, None, masked=False)
"""Of a file that says nothing itself."""


class ImageSource:
    """Input file of a prediction.

    Attributes:
        path: Of the file.
        raster: Pixels in the channels of the model.
        ground: Of a TIFF, and of another file beside which its place is told, where rasterio is installed; None else.
    """

    def __init__(self, file: Path | ImageFile, model: Model, bands: Sequence[int] | None = None) -> None:
        """Reads the header; formats that decode whole are decoded, once.

        Args:
            file: The file, or its path.
            model: What it must fit.
            bands: Numbers, from 1, of the bands that are the model's channels; None: as the model says.

        Raises:
            DataError: It cannot be read, or does not fit the model.
            MissingExtraError: It is georeferenced, and rasterio is not installed.
        """
        self.file = open_local_image(file) if isinstance(file, Path) else file
        self.whole = self.file.raster
        self.path = self.whole.path
        if isinstance(self.whole, WholeRaster):
            header = self.whole.header
            facts: dict[str, Any] = {"has_alpha": header.has_alpha, "pixel_size": header.pixel_size}
            self.whole = ArrayRaster(self.whole.read(), self.path, **facts)
        self.raster = fit_channels(self.whole, model.spec, luminance=model.takes_luminance, bands=bands or model.bands)
        self.ground = self._ground() if self.file.is_tiff or self.file.location is not None else None

    @property
    def height(self) -> int:
        """Rows."""
        return self.raster.height

    @property
    def width(self) -> int:
        """Columns."""
        return self.raster.width

    def rows(self, top: int, count: int) -> NDArray[Any]:
        """Reads rows of pixels (count, W, C) in the channels of the model."""
        return self.raster.window(top, 0, count, self.width)

    def missing(self, top: int, count: int) -> NDArray[np.bool_] | None:
        """Finds the pixels of some rows that hold no data, bool (count, W); None: nowhere."""
        if self.ground is not None and self.ground.masked:
            return self._masked(top, count)
        number = self.whole.missing_number
        if number is None:
            return None
        return np.asarray((self.whole.window(top, 0, count, self.width) == number).all(axis=2))

    def _masked(self, top: int, count: int) -> NDArray[np.bool_]:
        with open_dataset(self.file.gdal) as dataset:
            valid = dataset.dataset_mask(window=((top, top + count), (0, self.width)))
        return np.asarray(valid == 0)

    def _ground(self) -> GeoReference | None:
        if not has_rasterio():
            if self.file.has_tags:
                raise MissingExtraError(
                    f"{self.path}: is a GeoTIFF; to write its predictions in place needs rasterio, which is not "
                    "installed: pip install 'segexp[geo]'"
                )
            return None
        orientation = self.file.raster.orientation
        if orientation != 1:
            if self.file.is_georeferenced:
                kind = "a GeoTIFF" if self.file.has_tags else "an image with a place on the ground"
                raise DataError(
                    f"{self.path}: {kind} with an orientation tag ({orientation}), which programs read in different "
                    "ways; save it upright"
                )
            return None
        location = self.file.location
        if not self.file.is_tiff:
            return None if location is None else add_location(NO_REFERENCE, location)
        with open_dataset(self.file.gdal) as dataset:
            found = _ground_of(dataset, nodata_is_seen=self.whole.nodata is not None and self.whole.shows is None)
        return found if location is None else add_location(found, location)

    @property
    def transform(self) -> Transform | None:
        """Transform from pixels to coordinates; None: the file does not say where it lies, or by control points."""
        if self.ground is not None and not is_identity(self.ground.transform):
            return tuple(self.ground.transform)[:6]
        return None if self.file.location is None else self.file.location.transform

    @property
    def wkt(self) -> str | None:
        """The coordinate system as text; None: unknown."""
        if self.ground is not None and self.ground.crs is not None:
            return str(self.ground.crs.to_wkt())
        return None if self.file.location is None else self.file.location.wkt

    @property
    def is_placed(self) -> bool:
        """True if the file, or one beside it, says where it lies."""
        ground = self.ground
        return self.transform is not None or (ground is not None and bool(ground.gcps[0] or ground.rpcs))


def add_location(ground: GeoReference, location: GroundLocation) -> GeoReference:
    """Completes the georeference of a file by the location that the files beside it give."""
    from affine import Affine
    from rasterio.crs import CRS
    from rasterio.errors import CRSError

    if is_identity(ground.transform) and not ground.gcps[0]:
        ground = ground._replace(transform=Affine(*location.transform))
    if ground.crs is None and location.wkt is not None:
        try:
            ground = ground._replace(crs=CRS.from_wkt(location.wkt))
        except CRSError as error:
            LOG.warning(f"a coordinate system beside an image cannot be read and is left out: {error}")
    return ground


def open_dataset(path: Path | str, mode: str = "r", **profile: Any) -> Any:
    """Opens a dataset of rasterio, without its word about files that have no place on the ground."""
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        return rasterio.open(path, mode, **profile)


def _ground_of(dataset: Any, *, nodata_is_seen: bool) -> GeoReference:
    from rasterio.enums import MaskFlags

    flags = {flag for band in dataset.mask_flag_enums for flag in band}
    ignored = {MaskFlags.all_valid, *([MaskFlags.nodata] if nodata_is_seen else [])}
    tile = dataset.block_shapes[0] if dataset.profile.get("tiled") else None
    return GeoReference(dataset.crs, dataset.transform, dataset.gcps, dataset.rpcs, tile, bool(flags - ignored))
