"""Reads the header of the first page of a TIFF, with its tags on the ground, and refuses what cannot be read safely."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tifffile
from numpy.typing import NDArray

from segexp.rasters import orientation
from segexp.rasters.base import Header
from segexp.rasters.faults import unreadable, unsupported
from segexp.rasters.formats.mapped import PixelLayout
from segexp.rasters.ground.location import read_tag_location
from segexp.rasters.pixel_types import check_dtype, check_size
from segexp.rasters.silence import silence_tifffile
from segexp.rasters.tiff.blocks import block_size

_NAMES = {"none": "uncompressed", "adobe_deflate": "deflate", "ccittfax3": "fax 3", "ccittfax4": "fax 4"}
_OLDER = {"ccitt_t4": "ccittfax3", "ccitt_t6": "ccittfax4"}
"""Names that tifffile had for compressions until 2026."""
_PLAIN = {1, 8, 32773, 32946, 34925}
"""What tifffile decodes by itself: uncompressed, deflate (two numbers), packbits, LZMA. Of others it only thinks so."""
MOST_PAGES = 256
"""Of a file; overviews, thumbnails and masks are some dozens."""
_ALPHA = (1, 2)
"""Of the tag ExtraSamples: associated and unassociated alpha."""
_NO_RGB = {"SEPARATED": "CMYK inks", "CIELAB": "Lab colours", "ICCLAB": "Lab colours", "ITULAB": "Lab colours"}


@dataclass(frozen=True)
class TiffFacts:
    """Facts of a TIFF.

    Attributes:
        header: As of any image.
        layout: Where its pixels lie, if they lie in one uncompressed piece; None else.
        compression: Name of the compression in tifffile, lower case.
        codecs: Whether tifffile can decode it with the packages that are installed.
        tile: Height and width of its tiles; None: strips.
        block: Bytes of the pixels of one strip or tile.
        largest: Bytes of the largest strip or tile as it is stored.
        is_georeferenced: Whether it says where on the ground it lies.
    """

    header: Header
    layout: PixelLayout | None
    compression: str
    codecs: bool
    tile: tuple[int, int] | None
    block: int
    largest: int
    is_georeferenced: bool


def read_tiff_header(path: Path, state: tuple[int, int], *, raw: bool, file: Any = None) -> TiffFacts:
    """Reads the header of the first page.

    Args:
        path: The file.
        state: Its size and time of change.
        raw: Whether it is a mask, see :class:`segexp.rasters.base.Raster`.
        file: Where the bytes come from, open and seekable; None: the file of ``path``.

    Raises:
        DataError: The file is damaged, or of a kind that is not taken.
    """
    with silence_tifffile(), tifffile.TiffFile(file or path) as tiff:
        page = tiff.pages.first
        _check_pages(path, tiff)
        if page.dtype is None:
            raise unsupported(path, f"{page.bitspersample}-bit pixels", "integers of 1 to 16 bits", "save as uint8")
        check_size(path, page.imagelength, page.imagewidth, page.samplesperpixel)
        dtype = check_dtype(path, np.dtype(page.dtype), raw=raw)
        _check_colours(path, page, raw=raw)
        _check_segments(path, page, state[0])
        compression = _name(page.compression)
        header = Header(
            path=path,
            height=page.imagelength,
            width=page.imagewidth,
            channels=page.samplesperpixel,
            dtype=dtype,
            kind=_kind(page, compression),
            state=state,
            palette=_palette(path, page),
            white=2**page.bitspersample - 1,
            white_is_zero=_name(page.photometric) == "miniswhite",
            orientation=orientation.valid_orientation(page.tags.valueof(274)),
            nodata=read_nodata(page),
            pixel_size=read_pixel_size(page),
            has_alpha=_has_alpha(page),
            location=read_tag_location(page),
        )
        tile = (int(page.tilelength), int(page.tilewidth)) if page.is_tiled else None
        largest = int(max(page.databytecounts, default=0))
        codecs, georeferenced = _has_codecs(page), bool(page.geotiff_tags)
        return TiffFacts(header, _layout(page), compression, codecs, tile, block_size(page), largest, georeferenced)


def _check_pages(path: Path, tiff: tifffile.TiffFile) -> None:
    """Refuses stacks; overviews, thumbnails and mask pages of a GeoTIFF are no further images."""
    first = tiff.pages.first
    others = list(_further_pages(tiff))
    same = sum(not page.is_reduced and not page.is_mask and page.shape == first.shape for page in others)
    advice = "save each as a file, or all as the bands of one page"
    if len(others) > MOST_PAGES:
        raise unsupported(path, f"more than {MOST_PAGES} pages", "one image", advice)
    if same:
        raise unsupported(path, f"{same + 1} pages of the same size", "one image", advice)
    if first.imagedepth > 1:
        raise unsupported(path, "a volume", "one plane", "save its planes as files")


def _further_pages(tiff: tifffile.TiffFile) -> Iterator[tifffile.TiffPage]:
    """Pages after the first, one more than are taken: a file of 30 MB can have a million of them."""
    seen = {tiff.pages.first.offset}
    for number in range(1, MOST_PAGES + 2):
        try:
            page = tiff.pages[number]
        except IndexError:
            return
        if page.offset in seen:  # the list goes round in a circle
            return
        seen.add(page.offset)
        if isinstance(page, tifffile.TiffPage):
            yield page


def _check_colours(path: Path, page: tifffile.TiffPage, *, raw: bool) -> None:
    name = _name(page.photometric).upper()
    if not raw and name in _NO_RGB:
        raise unsupported(path, _NO_RGB[name], "grey or RGB", "convert it to RGB")
    if name == "YCBCR" and _name(page.compression) not in ("jpeg", "ojpeg"):
        raise unsupported(path, "YCbCr colours without JPEG compression", "grey or RGB", "convert it to RGB")


def _check_segments(path: Path, page: tifffile.TiffPage, size: int) -> None:
    """Every strip or tile must lie inside the file: decoders show missing ones as zeros."""
    offsets, counts = np.array(page.dataoffsets, np.int64), np.array(page.databytecounts, np.int64)
    if len(offsets) != len(counts) or len(offsets) < int(np.prod(page.chunked)):
        raise unreadable(path, "its list of strips or tiles is incomplete")
    beyond = int((offsets + counts > size).sum())
    if beyond:
        raise unreadable(path, f"{beyond} of {len(offsets)} strips or tiles end beyond the file")
    absent = int(((offsets == 0) | (counts == 0)).sum())
    if absent:
        raise unreadable(
            path,
            f"{absent} of {len(offsets)} strips or tiles were never written",
            "Write it again without gaps, for example: gdal_translate -co SPARSE_OK=FALSE",
        )


def _has_alpha(page: tifffile.TiffPage) -> bool:
    """Whether the last channel is called alpha: a further channel that nothing is said of may be any band."""
    return bool(page.extrasamples) and page.extrasamples[-1] in _ALPHA


def _layout(page: tifffile.TiffPage) -> PixelLayout | None:
    if not page.is_contiguous or page.fillorder != 1 or page.predictor != 1 or page.dtype is None:
        return None
    # A pixel of 16 bits in 12-bit units and the like is packed: not for mapping.
    if np.dtype(page.dtype).itemsize * 8 != page.bitspersample:
        return None
    dtype = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    apart = page.planarconfig == 2 and page.samplesperpixel > 1
    plane = (page.imagelength, page.imagewidth)
    shape = (page.samplesperpixel, *plane) if apart else (*plane, page.samplesperpixel)
    return PixelLayout(page.dataoffsets[0], dtype, shape, axes=(1, 2, 0) if apart else (0, 1, 2))


def _palette(path: Path, page: tifffile.TiffPage) -> NDArray[np.uint8] | None:
    colours = page.colormap
    if colours is None or _name(page.photometric) != "palette":
        return None
    if colours.ndim != 2 or len(colours) != 3 or colours.dtype.kind != "u":
        raise unreadable(path, "its colour table is damaged")
    # 16 bits by the specification; some programs write 8.
    eight = colours >> 8 if colours.max(initial=0) > 255 else colours
    return np.ascontiguousarray(eight.T.astype(np.uint8))


def _kind(page: tifffile.TiffPage, compression: str) -> str:
    blocks = f"tiles {page.tilewidth}x{page.tilelength}" if page.is_tiled else "strips"
    apart = ", bands apart" if page.planarconfig == 2 and page.samplesperpixel > 1 else ""
    return f"{'GeoTIFF' if page.is_geotiff else 'TIFF'}, {blocks}, {_NAMES.get(compression, compression)}{apart}"


def _has_codecs(page: tifffile.TiffPage) -> bool:
    if _imagecodecs():
        return page.compression in tifffile.TIFF.DECOMPRESSORS and page.predictor in tifffile.TIFF.UNPREDICTORS
    packed = page.bitspersample not in (1, 8, 16, 32, 64)
    return page.compression in _PLAIN and page.predictor in (1, 2) and not packed


def _imagecodecs() -> bool:
    try:
        import imagecodecs  # noqa: F401
    except ImportError:
        return False
    return True


def _name(value: Any) -> str:
    name = str(getattr(value, "name", value)).lower()
    return _OLDER.get(name, name)


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
