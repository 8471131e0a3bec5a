"""Formats that only decode as a whole: PNG, JPEG, GIF, BMP, and TIFF where nothing better is installed."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage
from PIL import ImageFile, UnidentifiedImageError

from segexp.data.rasters import orient
from segexp.data.rasters.base import Header, Pixels, Raster
from segexp.data.rasters.faults import from_system, unreadable, unsupported
from segexp.data.rasters.kinds import checked_size

# Pillow refuses more than 179 million pixels, since a small file from a stranger may unfold to fill the memory. Data
# sets are chosen by their user, and tiles of 20000x20000 are common in them.
PillowImage.MAX_IMAGE_PIXELS = None

_MODES = {"1": 1, "L": 1, "P": 1, "LA": 2, "RGB": 3, "RGBA": 4, "I": 1, "I;16": 1, "I;16B": 1, "I;16L": 1}
_INKS = {"CMYK": "CMYK inks", "LAB": "Lab colours", "YCbCr": "YCbCr colours"}
_STACKS = {"GIF", "PNG", "WEBP"}
"""Formats whose further pictures are as much the image as the first; those of a photograph are previews."""
_ORIENTATION = 274


class WholeRaster(Raster):
    """An image that is decoded whole for every window."""

    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Decodes all, cuts a part."""
        pixels = self.decoded()
        if pixels.shape != (self.header.height, self.header.width, self.header.channels):
            raise unreadable(self.path, f"it decodes to {pixels.shape}, its header says otherwise")
        return np.array(pixels[top : top + height, left : left + width], dtype=self.dtype, order="C")

    def strips(self, rows: int = 512) -> Iterator[Pixels]:
        """The image from top to bottom, decoded once."""
        pixels = self.read()
        for top in range(0, self.height, rows):
            yield pixels[top : top + rows]

    def decoded(self) -> Pixels:
        """All stored numbers (H, W, C)."""
        with pillow(self.path) as image:
            pixels = np.asarray(image)
        pixels = pixels.reshape(*pixels.shape[:2], -1)
        # Mode I: 16 bits in 32.
        if pixels.dtype.kind == "i" and (pixels.min() < 0 or pixels.max() > 65535):
            raise unsupported(self.path, "32-bit pixels", "0..65535", "save it as uint16")
        return unscaled(pixels, self.header.white)


class DeepPngRaster(WholeRaster):
    """A PNG of 16 bits and several channels, which Pillow would cut down to 8 bits."""

    def decoded(self) -> Pixels:
        """All stored numbers (H, W, C)."""
        try:
            encoded = np.fromfile(self.path, np.uint8)
        except OSError as error:
            raise from_system(self.path, error) from error
        found = cv2.imdecode(encoded, cv2.IMREAD_UNCHANGED) if len(encoded) else None
        if found is None or found.ndim != 3:
            raise unreadable(self.path, "its pixels cannot be decoded")
        order = {2: [0, 3], 3: [2, 1, 0], 4: [2, 1, 0, 3]}[self.header.channels]
        return np.asarray(found[..., order])


class TwoColourBmpRaster(WholeRaster):
    """A BMP of 4 or 8 bits whose palette is black and white: Pillow takes its bytes for bits and shows nothing."""

    def decoded(self) -> Pixels:
        """0 and 1 (H, W, 1)."""
        try:
            encoded = np.fromfile(self.path, np.uint8)
        except OSError as error:
            raise from_system(self.path, error) from error
        found = cv2.imdecode(encoded, cv2.IMREAD_GRAYSCALE) if len(encoded) else None
        if found is None:
            raise unreadable(self.path, "its pixels cannot be decoded")
        return (found > 0).astype(np.uint8)[..., None]


class PillowTiffRaster(WholeRaster):
    """A TIFF whose header tifffile read and whose compression only Pillow knows; Pillow gives it upright and shown."""

    def __init__(self, header: Header, *, raw: bool = False) -> None:
        height, width = orient.upright_size(header.orientation, header.height, header.width)
        super().__init__(replace(header, height=height, width=width, orientation=1), raw=raw)

    def decoded(self) -> Pixels:
        """All stored numbers (H, W, C)."""
        pixels = super().decoded()
        return (self.header.white - pixels).astype(self.dtype) if self.header.white_is_zero else pixels


@contextmanager
def pillow(path: Path) -> Iterator[PillowImage.Image]:
    """An image that Pillow has opened; whatever goes wrong with it names the file.

    Raises:
        DataError: The file is missing, truncated or no image.
    """
    # Another library may have told Pillow to fill what is missing with grey.
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        with PillowImage.open(path) as image:
            yield image
    except (FileNotFoundError, IsADirectoryError, PermissionError) as error:
        raise from_system(path, error) from error
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, MemoryError) as error:
        cause = "no known format" if isinstance(error, UnidentifiedImageError) else error
        raise unreadable(path, cause) from error


def open_whole(path: Path, state: tuple[int, int], *, raw: bool) -> Raster:
    """An image that Pillow knows, by its header.

    Raises:
        DataError: No image, or of a kind that is not taken.
    """
    with pillow(path) as image:
        form = str(image.format)
        if form in _STACKS and getattr(image, "is_animated", False):
            raise unsupported(path, "an animation", "one image", "save its pictures as files")
        checked_size(path, image.height, image.width, 1)
        if image.mode not in _MODES:
            found = _INKS.get(image.mode, f"pixels of mode {image.mode}")
            raise unsupported(path, f"{found} in a {form}", "grey, palette or RGB", "convert it, for example to PNG")
        coding = _coding(image)
        bits = _bmp_bits(path) if form == "BMP" and image.mode == "1" else 1
        header = Header(
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
    if bits > 1:
        return TwoColourBmpRaster(header, raw=raw)
    deep = header.dtype == np.uint16 and header.channels > 1
    return DeepPngRaster(header, raw=raw) if deep else WholeRaster(header, raw=raw)


def unscaled(pixels: NDArray[Any], white: int) -> NDArray[Any]:
    """Stored numbers of 2 or 4 bits, which Pillow spreads over 0..255."""
    return np.rint(pixels * (white / 255)).astype(np.uint8) if 1 < white < 255 else pixels


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
    colours = image.getpalette("RGB") or []
    return np.array(colours, dtype=np.uint8).reshape(-1, 3)


def _orientation(image: PillowImage.Image) -> int:
    # Pillow would decode a whole PNG in search of the tag.
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    return orient.valid(image.getexif().get(_ORIENTATION))
