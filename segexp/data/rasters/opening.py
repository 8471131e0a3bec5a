"""Opens an image file by what stands in it, whatever its name ends with."""

from pathlib import Path

from segexp.data.rasters.arrays import open_npy, open_pnm
from segexp.data.rasters.base import Raster
from segexp.data.rasters.faults import from_system, unreadable
from segexp.data.rasters.gdal import COMPRESSIONS, GdalRaster, has_rasterio
from segexp.data.rasters.mapped import MappedRaster
from segexp.data.rasters.segments import SegmentsRaster
from segexp.data.rasters.strangers import stranger
from segexp.data.rasters.tiff_header import read_tiff
from segexp.data.rasters.whole import PillowTiffRaster, open_whole, pillow
from segexp.errors import DataError, MissingExtraError
from segexp.run.text import printable

FIRST = 512
"""Bytes that tell what a file is."""
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def open_raster(path: Path, *, raw: bool = False) -> Raster:
    """Reads the header of an image or mask file.

    Formats: PNG, JPEG, TIFF and GeoTIFF (8 and 16 bits, any bands, strips, tiles, compressions), GIF, BMP, PPM, PGM,
    and arrays of ``numpy.save``.

    Args:
        path: The file.
        raw: For masks: pixels are the stored numbers (palette indices, 0 and 1 of one bit) and may be of any integer
            type; False: as a viewer shows them (palette colours, 0 and 255), uint8 or uint16.

    Raises:
        DataError: The file is missing, empty, truncated, no image, or of a kind that is not taken.
        MissingExtraError: A TIFF of a compression that only the extra ``geo`` can read.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            status = path.stat()
            state = (status.st_size, status.st_mtime_ns)
            start = file.read(FIRST)
            file.seek(0)
            if not start:
                raise unreadable(path, "it is empty")
            if start.startswith(b"\x93NUMPY"):
                return open_npy(path, file, state, raw=raw)
            if start[:2] in (b"P5", b"P6"):
                return open_pnm(path, file, state, raw=raw)
            if (other := stranger(start)) is not None:
                raise unreadable(path, *other)
    except OSError as error:
        raise from_system(path, error) from error
    if start.startswith(_TIFF):
        return _open_tiff(path, state, raw=raw)
    return open_whole(path, state, raw=raw)


def _open_tiff(path: Path, state: tuple[int, int], *, raw: bool) -> Raster:
    try:
        tiff = read_tiff(path, state, raw=raw)
    except DataError:
        raise
    except Exception as error:  # a damaged header may break tifffile anywhere
        raise unreadable(path, error) from error
    if tiff.layout is not None:
        return MappedRaster(tiff.header, tiff.layout, raw=raw)
    # GDAL takes no names that are no UTF-8.
    if has_rasterio() and tiff.compression in COMPRESSIONS and printable(str(path)) == str(path):
        return GdalRaster(tiff.header, raw=raw)
    if tiff.codecs:
        return SegmentsRaster(tiff.header, raw=raw)
    if _pillow_can(path, tiff.header.channels, str(tiff.header.dtype)):
        return PillowTiffRaster(tiff.header, raw=raw)
    bits = tiff.header.white.bit_length()
    raise MissingExtraError(
        f"{path}: a TIFF of {bits} bits and compression {tiff.compression} needs rasterio and imagecodecs, which are "
        "not installed: pip install 'segexp[geo]'"
    )


def _pillow_can(path: Path, channels: int, dtype: str) -> bool:
    """Whether Pillow keeps all of it: it knows no bands of 16 bits."""
    try:
        with pillow(path) as image:
            bands = len(image.getbands())
    except DataError:
        return False
    return bands == channels and (dtype == "uint8" or channels == 1)
