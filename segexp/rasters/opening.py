"""Opens an image file by what stands in it, whatever its name ends with."""

from pathlib import Path

from segexp.errors import DataError, MissingExtraError, SegexpError, TooLargeError
from segexp.rasters.base import Header, Raster
from segexp.rasters.faults import check_regular, from_system, unreadable
from segexp.rasters.formats.arrays import open_npy, open_pnm
from segexp.rasters.formats.foreign_files import identify_foreign
from segexp.rasters.formats.mapped import MappedRaster
from segexp.rasters.formats.pillow import open_pillow
from segexp.rasters.formats.whole import PillowTiffRaster, check_decoded, open_whole
from segexp.rasters.limit import Limit, image_limit
from segexp.rasters.tiff.gdal_raster import COMPRESSIONS, MOST_BANDS, GdalRaster, has_rasterio
from segexp.rasters.tiff.header import TiffFacts, read_tiff_header
from segexp.rasters.tiff.tifffile_raster import SegmentsRaster
from segexp.runs.text import printable

FIRST = 512
"""Bytes that tell what a file is."""
SMALLER_TILES = ", or write it in tiles: gdal_translate -co TILED=YES"
_TIFF = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")


def open_raster(path: Path, *, raw: bool = False, limit: Limit | None = None) -> Raster:
    """Reads the header of an image or mask file.

    Formats: PNG, JPEG, TIFF and GeoTIFF (8 and 16 bits, any bands, strips, tiles, compressions), GIF, BMP, WebP, PBM,
    PGM, PPM, and arrays of ``numpy.save``.

    Args:
        path: The file.
        raw: For masks: pixels are the stored numbers (palette indices, 0 and 1 of one bit) and may be of any integer
            type; False: as a viewer shows them (palette colours, 0 and 255), uint8 or uint16.
        limit: What decoding may take; None: what is in force in this process.

    Raises:
        DataError: The file is missing, empty, truncated, no image, of a kind that is not taken, or would take more
            memory than ``limit``; a named pipe, a socket or a device, which may never end.
        ResourceError: The machine refused: too many open files, no memory.
        MissingExtraError: A TIFF of a compression that only the extra ``geo`` can read.
    """
    path, limit = Path(path), limit or image_limit()
    status = check_regular(path)
    try:
        with path.open("rb") as file:
            state = (status.st_size, status.st_mtime_ns)
            start = file.read(FIRST)
            file.seek(0)
            if not start:
                raise unreadable(path, "it is empty")
            if start.startswith(b"\x93NUMPY"):
                return open_npy(path, file, state, raw=raw)
            if start[:2] in (b"P5", b"P6"):
                return open_pnm(path, file, state, raw=raw)
            if (other := identify_foreign(start)) is not None:
                raise unreadable(path, *other)
    except OSError as error:
        raise from_system(path, error) from error
    if start.startswith(_TIFF):
        return _open_tiff(path, state, raw=raw, limit=limit)
    return open_whole(path, state, raw=raw, limit=limit)


def _open_tiff(path: Path, state: tuple[int, int], *, raw: bool, limit: Limit) -> Raster:
    try:
        tiff = read_tiff_header(path, state, raw=raw)
    except SegexpError:
        raise
    except Exception as error:  # a damaged header may break tifffile anywhere
        raise unreadable(path, error) from error
    if tiff.layout is not None:
        return MappedRaster(tiff.header, tiff.layout, raw=raw)
    if has_rasterio() and _gdal_takes(tiff):
        check_block_memory(tiff, limit)
        return GdalRaster(tiff.header, raw=raw, limit=limit)
    if tiff.codecs:
        check_block_memory(tiff, limit)
        return SegmentsRaster(tiff.header, raw=raw, limit=limit)
    if _pillow_can(path, tiff.header, raw=raw, limit=limit):
        return PillowTiffRaster(tiff.header, raw=raw)
    bits = tiff.header.white.bit_length()
    raise MissingExtraError(
        f"{path}: a TIFF of {bits} bits and compression {tiff.compression} needs rasterio and imagecodecs, which are "
        "not installed: pip install 'segexp[geo]'"
    )


def _gdal_takes(tiff: TiffFacts) -> bool:
    """Whether GDAL decodes it in a time that grows with its size, and takes its name, which must be UTF-8."""
    name = str(tiff.header.path)
    few = tiff.header.channels <= MOST_BANDS or not tiff.codecs
    return tiff.compression in COMPRESSIONS and few and printable(name) == name


def check_block_memory(tiff: TiffFacts, limit: Limit) -> None:
    """Refuses a TIFF of which one strip or tile would take more memory than there may be.

    Raises:
        TooLargeError: Says so.
    """
    # As it is stored, decoded, and once more in the cache of GDAL or as an array.
    need = 2 * tiff.block + min(tiff.block, tiff.largest)
    kind = "tile" if tiff.tile is not None else "strip"
    words = f"decoding one {kind} of its {tiff.header.width}x{tiff.header.height} pixels ({tiff.header.kind})"
    limit.check(tiff.header.path, need, words, SMALLER_TILES)


def _pillow_can(path: Path, header: Header, *, raw: bool, limit: Limit) -> bool:
    """Whether Pillow keeps all of it: it knows no bands of 16 bits."""
    try:
        with open_pillow(path) as image:
            bands = len(image.getbands())
            check_decoded(header, limit, image, raw=raw, deep=False)
    except TooLargeError:
        raise
    except DataError:
        return False
    return bands == header.channels and (header.dtype.name == "uint8" or header.channels == 1)
