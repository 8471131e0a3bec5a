"""Base of all image files: facts from the header, and windows of pixels."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.rasters import display, orientation
from segexp.rasters.faults import outside
from segexp.rasters.ground.location import GroundLocation

Pixels = NDArray[Any]


@dataclass(frozen=True)
class Header:
    """Facts from the first bytes of an image file.

    Attributes:
        path: The file.
        height: Rows as stored, before any turn by the orientation.
        width: Columns as stored.
        channels: Numbers per pixel as stored; 1 for a palette image.
        dtype: Type of the stored numbers in the byte order of this machine; bool counts as uint8.
        kind: Format and layout in words, ``TIFF, strips, deflate``.
        state: Size and time of change of the file, so that a handle on an older file is never used.
        palette: uint8 (n, 3), RGB of each index; None: no palette.
        white: Number that stands for white: 1 for 1 bit, 15 for 4; 255 or 65535 else.
        white_is_zero: Whether 0 is shown as white.
        orientation: 1 to 8 as in EXIF; 1: upright.
        nodata: Number that marks missing pixels as a GeoTIFF says it, which may be none that a pixel can have.
        pixel_size: Side of a pixel in metres, from a GeoTIFF with a projected coordinate system.
        has_alpha: Whether the file calls its last channel alpha.
        location: Where on the ground it lies, from the tags of a GeoTIFF.
    """

    path: Path
    height: int
    width: int
    channels: int
    dtype: np.dtype[Any]
    kind: str
    state: tuple[int, int]
    palette: NDArray[np.uint8] | None = None
    white: int = 255
    white_is_zero: bool = False
    orientation: int = 1
    nodata: float | None = None
    pixel_size: float | None = None
    has_alpha: bool = False
    location: GroundLocation | None = None


class Raster(ABC):
    """An image file of which only the header has been read.

    Pickles to a few hundred bytes; files are opened when pixels are first asked for, anew in each process.

    Attributes:
        mapped: Whether windows come from memory-mapped pixels, without decoding.
        path: The file.
        raw: Whether pixels are the stored numbers (palette indices, 0 and 1 of one bit), as masks need them; False: as
            a viewer shows them (palette colours, 0 and 255).
        height: Rows, upright.
        width: Columns, upright.
        channels: Numbers per pixel.
        dtype: Type of the pixels: uint8 or uint16; with ``raw`` any integer type of an array file.
        palette: uint8 (n, 3), RGB of each palette index; None: the file has no palette.
        nodata: Number that marks missing pixels, as the file says it; None: none. See :attr:`missing_number`.
        pixel_size: Side of a pixel in metres; None: unknown.
        orientation: As stored in the file (EXIF 1 to 8); pixels are given upright whatever it is.
    """

    mapped = False

    def __init__(self, header: Header, *, raw: bool = False) -> None:
        """Keeps the header; no pixel is read."""
        self.header = header
        self.path = header.path
        self.raw = raw
        self.height, self.width = orientation.upright_size(header.orientation, header.height, header.width)
        self.shows = (
            None if raw else display.display_table(header.palette, header.white, header.white_is_zero, header.dtype)
        )
        self.channels = self.shows.channels if self.shows and header.palette is not None else header.channels
        self.dtype = header.dtype
        self.palette = header.palette
        self.nodata = header.nodata
        self.pixel_size = header.pixel_size
        self.orientation = header.orientation

    @property
    def missing_number(self) -> int | None:
        """Number that marks missing pixels; None: none, or one that no pixel of this type can have.

        Files are often saved as integers with the ``nan``, ``-9999`` or ``1e38`` of the floating-point data before.
        """
        number = self.nodata
        if number is None or not math.isfinite(number) or not float(number).is_integer():
            return None
        limits = np.iinfo(self.dtype)
        return int(number) if limits.min <= number <= limits.max else None

    @abstractmethod
    def stored(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a window (h, w, C) of the pixels as they are stored, an array of its own."""

    def read(self) -> Pixels:
        """Reads all pixels (H, W, C), see :meth:`window`."""
        return self.window(0, 0, self.height, self.width)

    def window(self, top: int, left: int, height: int, width: int) -> Pixels:
        """Reads a part of the image; where the format allows it no more than that is read and decoded.

        Args:
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.

        Returns:
            (height, width, C) of :attr:`dtype`, contiguous and writable.

        Raises:
            DataError: The file is damaged or gone, or the window reaches beyond the image.
        """
        inside = top >= 0 and left >= 0 and top + height <= self.height and left + width <= self.width
        if not inside or height < 1 or width < 1:
            raise outside(self.path, (top, left, height, width), self.height, self.width)
        if self.orientation == 1:
            pixels = self.stored(top, left, height, width)
        else:
            place = orientation.stored_window(self.orientation, (top, left, height, width), self.height, self.width)
            pixels = np.ascontiguousarray(orientation.upright(self.orientation, self.stored(*place)))
        return pixels if self.shows is None else self.shows(pixels, self.path)

    def strips(self, rows: int = 512) -> Iterator[Pixels]:
        """Yields the image from top to bottom, up to ``rows`` rows at a time; formats that decode whole do so once."""
        for top in range(0, self.height, rows):
            yield self.window(top, 0, min(rows, self.height - top), self.width)

    def describe(self) -> str:
        """Describes the file: ``RGB uint8 565x584 TIFF, strips, deflate`` (width x height)."""
        header = self.header
        words = f"{self._colours()} {header.dtype} {self.width}x{self.height} {header.kind}"
        if header.orientation != 1:
            words += f", turned upright (EXIF orientation {header.orientation})"
        if header.pixel_size is not None:
            words += f", {header.pixel_size:g} m per pixel"
        return words if header.nodata is None else f"{words}, nodata {header.nodata:g}"

    def _colours(self) -> str:
        if self.header.palette is not None:
            return "palette"
        if self.header.white == 1:
            return "1-bit"
        names = {1: "grey", 3: "RGB", **({2: "grey and alpha"} if self.header.has_alpha else {})}
        return names.get(self.header.channels, f"{self.header.channels} channels")
