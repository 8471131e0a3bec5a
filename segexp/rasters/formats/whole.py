"""Formats that only decode as a whole: PNG, JPEG, GIF, BMP, WebP, and TIFF where nothing better is installed."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from segexp.rasters import orientation
from segexp.rasters.base import Header, Pixels, Raster
from segexp.rasters.display import look_up
from segexp.rasters.faults import from_system, unreadable, unsupported
from segexp.rasters.formats.checksums import check_png
from segexp.rasters.formats.declared_size import OF_WEBP, check_declared
from segexp.rasters.formats.pillow import open_pillow
from segexp.rasters.limit import Limit
from segexp.rasters.pixel_types import check_size
from segexp.rasters.silence import silence_warnings

_MODES = {"1": 1, "L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I": 1, "I;16": 1, "I;16B": 1, "I;16L": 1}
_INKS = {"CMYK": "CMYK inks", "LAB": "Lab colours", "YCbCr": "YCbCr colours"}
_STACKS = {"PNG", "WEBP"}
"""Formats whose further pictures are as much the image as the first (GIF too, which is looked at before it is opened);
those of a photograph are previews."""
_ORIENTATION = 274
_STORED = {
    "LA": 4,
    "RGB": 4,
    "RGBA": 4,
    "CMYK": 4,
    "LAB": 4,
    "YCbCr": 4,
    "I": 4,
    "F": 4,
    "I;16": 2,
    "I;16B": 2,
    "I;16L": 2,
}
"""Bytes of a pixel in Pillow's memory where they are more than one."""
_STRIP = 1 << 22
"""Pixels copied out of Pillow at a time: as a whole they would be there three times."""
_BESIDE = "; a tiled TIFF is read in parts and takes little (gdal_translate -co TILED=YES)"


class WholeRaster(Raster):
    """An image that is decoded whole for every window."""

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Decodes the whole image and cuts a window (h, w, C) out of it."""
        pixels = self.decoded()
        shape = (self.header.height, self.header.width, self.header.channels)
        if pixels.shape != shape:
            raise unreadable(self.path, f"it decodes to {pixels.shape}, its header says otherwise")
        if (height, width) == shape[:2] and pixels.dtype == self.dtype and pixels.flags.c_contiguous:
            return pixels
        return np.array(pixels[top : top + height, left : left + width], dtype=self.dtype, order="C")

    def strips(self, rows: int = 512) -> Iterator[Pixels]:
        """The image from top to bottom, decoded once."""
        pixels = self.read()
        for top in range(0, self.height, rows):
            yield pixels[top : top + rows]

    def decoded(self) -> Pixels:
        """Decodes all stored numbers (H, W, C), an array of its own."""
        if self.header.kind == "PNG":
            check_png(self.path, self.header.state)
        with open_pillow(self.path) as image:
            image.load()
            pixels = _copied(image, self.header)
        # Mode I: 16 bits in 32.
        if pixels.dtype.kind == "i":
            if pixels.min() < 0 or pixels.max() > 65535:
                raise unsupported(self.path, "32-bit pixels", "0..65535", "save it as uint16")
            pixels = pixels.astype(np.uint16)
        return restore_levels(pixels, self.header.white)


class DeepPngRaster(WholeRaster):
    """A PNG of 16 bits and several channels, which Pillow would cut down to 8 bits."""

    def decoded(self) -> Pixels:
        """Decodes all stored numbers uint16 (H, W, C) with OpenCV."""
        check_png(self.path, self.header.state)
        found = _decoded_by_opencv(self.path, cv2.IMREAD_UNCHANGED)
        if found.ndim != 3:
            raise unreadable(self.path, "its pixels cannot be decoded")
        order = {2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[self.header.channels]
        pixels = np.empty((*found.shape[:2], len(order)), found.dtype)
        for channel, place in enumerate(order):
            pixels[..., channel] = found[..., place]
        return pixels


class TwoColourBmpRaster(WholeRaster):
    """A BMP of 4 or 8 bits whose palette is black and white: Pillow takes its bytes for bits and shows nothing."""

    def decoded(self) -> Pixels:
        """Decodes to 0 and 1, uint8 (H, W, 1), with OpenCV."""
        return (_decoded_by_opencv(self.path, cv2.IMREAD_GRAYSCALE) > 0).astype(np.uint8)[..., None]


class PillowTiffRaster(WholeRaster):
    """A TIFF whose header tifffile read and whose compression only Pillow knows; Pillow gives it upright and shown."""

    def __init__(self, header: Header, *, raw: bool = False) -> None:
        height, width = orientation.upright_size(header.orientation, header.height, header.width)
        super().__init__(replace(header, height=height, width=width, orientation=1), raw=raw)

    def decoded(self) -> Pixels:
        """Decodes all stored numbers (H, W, C), with black at 0 as Pillow shows them turned back."""
        pixels = super().decoded()
        return (self.header.white - pixels).astype(self.dtype) if self.header.white_is_zero else pixels


def _decoded_by_opencv(path: Path, how: int) -> Pixels:
    """Decodes an image with OpenCV, to (H, W) or (H, W, C) with blue first; ``how`` is a flag of ``imdecode``."""
    try:
        encoded = np.fromfile(path, np.uint8)
        found = cv2.imdecode(encoded, how) if len(encoded) else None
    except OSError as error:
        raise from_system(path, error) from error
    except (cv2.error, MemoryError) as error:
        raise unreadable(path, error) from error
    if found is None:
        raise unreadable(path, "its pixels cannot be decoded")
    return found


def open_whole(path: Path, state: tuple[int, int], *, raw: bool, limit: Limit) -> Raster:
    """Opens an image that Pillow knows, by its header.

    Raises:
        DataError: No image, of a kind that is not taken, or one that would take more memory than ``limit``.
    """
    check_declared(path, limit)
    with open_pillow(path) as image:
        header = _header(path, image, state)
        deep = header.dtype == np.uint16 and header.channels > 1
        check_decoded(header, limit, image, raw=raw, deep=deep)
        if header.kind in _STACKS and getattr(image, "is_animated", False):
            raise unsupported(path, "an animation", "one image", "save its pictures as files")
        bits = _bmp_bits(path) if header.kind == "BMP" and image.mode == "1" else 1
    if bits > 1:
        return TwoColourBmpRaster(header, raw=raw)
    return DeepPngRaster(header, raw=raw) if deep else WholeRaster(header, raw=raw)


def _header(path: Path, image: PillowImage.Image, state: tuple[int, int]) -> Header:
    form = str(image.format)
    check_size(path, image.height, image.width, 1)
    if image.mode not in _MODES:
        found = _INKS.get(image.mode, f"pixels of mode {image.mode}")
        raise unsupported(path, f"{found} in a {form}", "grey, palette or RGB", "convert it, for example to PNG")
    coding = _coding(image)
    return Header(
        path=path,
        height=image.height,
        width=image.width,
        channels=_MODES[image.mode],
        dtype=np.dtype(np.uint16 if image.mode.startswith("I") or "16" in coding else np.uint8),
        kind=form,
        state=state,
        palette=_palette(image),
        white=_white(image, coding),
        orientation=_orientation(image),
        has_alpha=image.mode in ("LA", "RGBA"),
    )


def check_decoded(header: Header, limit: Limit, image: PillowImage.Image, *, raw: bool, deep: bool) -> None:
    """Refuses what would take more memory to decode than there may be.

    Raises:
        TooLargeError: Says so.
    """
    pixels = header.height * header.width
    array = header.channels * header.dtype.itemsize
    if deep:
        decoding = array + 2 * (3 if header.channels == 3 else 4)  # as OpenCV has it, then in order
    else:
        own = 4 if image.mode == "I" else array
        decoding = _STORED.get(image.mode, 1) + own + (array if own != array else 0) + _aside(header, image)
    # Palette colours, and pixels turned upright, are made while those stored are still there.
    shown = 3 * (header.palette is not None and not raw) + array * (header.orientation != 1)
    words = f"decoding its {header.width}x{header.height} pixels ({header.kind})"
    limit.check(header.path, pixels * max(decoding, array + shown), words, _BESIDE)


def _aside(header: Header, image: PillowImage.Image) -> int:
    """Bytes a pixel that a decoder takes beside the picture itself."""
    if header.kind == "WEBP":
        return OF_WEBP - 4 - header.channels
    if header.kind == "JPEG" and image.info.get("progressive"):
        return 2 * header.channels  # all coefficients are kept
    if header.kind == "BMP" and "rle" in str(getattr(image, "tile", "")):
        return 2  # decoded in Python: an array that grows, and its copy
    return header.channels * header.dtype.itemsize if header.kind in ("PPM", "TIFF") else 0


def _copied(image: PillowImage.Image, header: Header) -> Pixels:
    """The pixels out of Pillow's memory, some rows at a time."""
    rows = max(1, _STRIP // image.width)
    if image.height <= rows:
        return np.array(image).reshape(image.height, image.width, -1)
    # Not crop, which holds each part against a bound that belongs to the whole program.
    strip = PillowImage.new(image.mode, (image.width, rows))
    pixels: Pixels | None = None
    for top in range(0, image.height, rows):
        strip.paste(image, (0, -top))
        part = np.asarray(strip).reshape(rows, image.width, -1)
        if pixels is None:
            pixels = np.empty((image.height, image.width, part.shape[2]), part.dtype)
        pixels[top : top + rows] = part[: image.height - top]
    if pixels is None:
        raise unreadable(header.path, "it has no rows")
    return pixels


def restore_levels(pixels: NDArray[Any], white: int) -> NDArray[Any]:
    """Restores the stored numbers of 2 or 4 bits, which Pillow spreads over 0..255."""
    if not 1 < white < 255:
        return pixels
    return look_up(np.rint(np.arange(256) * (white / 255)).astype(np.uint8), pixels)


def _coding(image: PillowImage.Image) -> str:
    """How pixels are packed in the file, in Pillow's words: ``L;4``, ``RGB;16B``."""
    tiles = getattr(image, "tile", None)
    arguments = tiles[0][3] if tiles else ""
    return str(arguments[0] if isinstance(arguments, tuple) and arguments else arguments)


def _white(image: PillowImage.Image, coding: str) -> int:
    if image.mode == "1":
        return 1
    packed = re.fullmatch(r"L;([24])", coding)
    if packed:
        return int(2 ** int(packed[1]) - 1)
    return 65535 if image.mode.startswith("I") or "16" in coding else 255


def _bmp_bits(path: Path) -> int:
    """Bits of a pixel of a BMP; the headers of OS/2 are shorter."""
    with path.open("rb") as file:
        start = file.read(30)
    place = 24 if start[14:18] == b"\x0c\0\0\0" else 28
    return int.from_bytes(start[place : place + 2], "little")


def _palette(image: PillowImage.Image) -> NDArray[np.uint8] | None:
    if image.mode != "P":
        return None
    # getpalette of the image itself would decode it.
    single = PillowImage.new("P", (1, 1))
    if image.palette is not None:
        rawmode, table = image.palette.getdata()
        single.putpalette(table, rawmode)
    return np.array(single.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)


def _orientation(image: PillowImage.Image) -> int:
    # Pillow would decode a whole PNG in search of the tag.
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    with silence_warnings():
        return orientation.valid_orientation(image.getexif().get(_ORIENTATION))
