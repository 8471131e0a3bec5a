"""What the numbers of a mask file stand for: what it stores or what a viewer shows, whichever the user's map fits.

Files of one bit, of few bits, of 16 bits, with a palette, with white stored as 0, or with an alpha channel can be read
in more than one way. Files of one :class:`Form` are read in one way, so that no window differs from the next.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.rasters import Raster
from segexp.rasters.display import display_table

Way = Literal["stored", "shown", "tones", "alpha"]
MaskReading = Literal["auto", "shown", "stored", "alpha"]
KEY = "datamodule.mask_reading"
Used = Mapping[tuple[int, ...], int]
"""Pixels of each stored value of a file, or of several of one form."""

NEAR = 8
"""Grey levels from black or white, and between the channels of a grey, up to which JPEG and bad palettes stray."""
DEEP = 257
"""White of 16 bits over white of 8 bits."""


@dataclass(frozen=True)
class Form:
    """Facts of a header that decide how a file may be read; see :class:`segexp.rasters.Header`."""

    palette: bytes | None
    white: int
    white_is_zero: bool
    channels: int
    dtype: str
    has_alpha: bool
    is_array: bool

    @property
    def entries(self) -> int | None:
        """Number of stored values that there may be, where a table of them is of use; None: any."""
        if self.palette is not None:
            return len(self.palette) // 3
        return self.white + 1 if self.white < 255 or (self.white_is_zero and self.white == 255) else None


def find_form(raster: Raster) -> Form:
    """The form of a mask, from its header."""
    header = raster.header
    palette = None if header.palette is None else header.palette.tobytes()
    is_array = header.kind == "NumPy array"
    return Form(
        palette, header.white, header.white_is_zero, header.channels, str(header.dtype), header.has_alpha, is_array
    )


@dataclass(frozen=True)
class MaskReader:
    """One way to read files of a form.

    Attributes:
        way: ``stored``: numbers of the file, with its palette for a map of colours; ``shown``: what a viewer shows;
            ``tones``: 0 for the darker and 255 for the lighter of two; ``alpha``: 0 where transparent, else 255.
        of: Numbers (h, w, C') or (h, w) of the stored ones (h, w, C).
    """

    way: Way
    of: Callable[[NDArray[Any]], NDArray[Any]]

    @property
    def takes_palette(self) -> bool:
        """True where the palette has still to be looked up."""
        return self.way == "stored"


class TableLookup:
    """Stored numbers looked up in a table (n, C); a number beyond it is shown as itself, to be refused as it is."""

    def __init__(self, table: NDArray[Any]) -> None:
        self.table = table

    def __call__(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Shown numbers (h, w, C) of stored ones (h, w, 1)."""
        return np.take(self.table, raw.reshape(raw.shape[:2]), axis=0, mode="clip")


def as_stored(raw: NDArray[Any]) -> NDArray[Any]:
    """The numbers themselves."""
    return raw


def as_byte(raw: NDArray[Any]) -> NDArray[Any]:
    """16 bits as a screen shows them, where that is exact; other numbers as ones that are none of 8 bits."""
    exact = raw % DEEP == 0
    return np.where(exact, raw // DEEP, np.maximum(raw, 256)).astype(np.uint16)


def as_extremes(raw: NDArray[Any]) -> NDArray[Any]:
    """Nearly black as 0 and nearly white as 255 (h, w) of RGB; other colours as a number that is no class."""
    dark, light = raw.max(axis=2) <= NEAR, raw.min(axis=2) >= 255 - NEAR
    return np.where(dark, 0, np.where(light, 255, 256)).astype(np.uint16)


@dataclass(frozen=True)
class OverGround:
    """RGB or grey of pixels over one colour where they are transparent; alpha from ``least`` on is opaque."""

    ground: int
    least: int

    def __call__(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Colours (h, w, C - 1)."""
        painted = raw[..., -1:] >= self.least
        return np.where(painted, raw[..., :-1], raw.dtype.type(self.ground))


@dataclass(frozen=True)
class Opacity:
    """0 where pixels are transparent and 255 where they are not."""

    least: int

    def __call__(self, raw: NDArray[Any]) -> NDArray[Any]:
        """uint8 (h, w)."""
        return np.where(raw[..., -1] >= self.least, 255, 0).astype(np.uint8)


PLAIN = MaskReader("stored", as_stored)


def shown_reader(raster: Raster) -> MaskReader | None:
    """Gives the reader of what a viewer shows; None where that is what is stored."""
    header = raster.header
    table = display_table(header.palette, header.white, header.white_is_zero, header.dtype)
    if table is not None and header.channels == 1:
        return MaskReader("shown", TableLookup(table.values))
    is_deep = header.dtype == np.uint16 and header.white == 65535 and not header.kind.startswith("NumPy")
    return MaskReader("shown", as_byte) if is_deep and not header.white_is_zero else None


def tone_reader(raster: Raster, used: Iterable[tuple[int, ...]]) -> MaskReader | None:
    """The darker of two colours as 0 and the lighter as 255; None: there are not two, or none is lighter.

    Colours that are all nearly black or nearly white count as two, as JPEG leaves them.
    """
    values = np.array(sorted(used), np.int64)
    palette = raster.header.palette
    if palette is not None and values.shape[1:] == (1,) and values.max() < len(palette):
        places = values[:, 0]
        colours = palette[places].astype(np.int64)
        light = _lighter(colours)
        if light is None:
            return None
        table = np.full((len(palette), 1), 256, np.uint16)
        table[places, 0] = np.where(light, 255, 0)
        return MaskReader("tones", TableLookup(table))
    if palette is None and values.shape[1:] == (3,) and raster.dtype == np.uint8:
        near = _nearly_grey(values) and bool((as_extremes(values[None]) < 256).all())
        return MaskReader("tones", as_extremes) if near else None
    return None


def _lighter(colours: NDArray[np.int64]) -> NDArray[np.bool_] | None:
    """Marks the lighter of two tones among the colours (n, 3) of a palette, bool (n,); None: they are not two tones."""
    luminance = colours @ np.array([299, 587, 114])
    if len(np.unique(colours, axis=0)) == 2:
        # Two colours that look the same, such as 0 and 1, are numbers and no picture.
        differ = (np.ptp(colours, axis=0) > 2 * NEAR).any() and luminance.max() > luminance.min()
        return luminance > luminance.min() if differ else None
    extreme = as_extremes(colours[None])[0]
    return extreme == 255 if (extreme < 256).all() and _nearly_grey(colours) else None


def _nearly_grey(colours: NDArray[np.int64]) -> bool:
    return bool((colours.max(axis=1) - colours.min(axis=1) <= NEAR).all())


def alpha_readers(raster: Raster, used: Used) -> list[MaskReader]:
    """A mask with transparent pixels as colours over a ground, and as its opacity; nothing: all of it is opaque.

    The ground is black, or white where black alone is painted.
    """
    levels = sorted({value[-1] for value in used})
    if levels[0] == np.iinfo(raster.dtype).max:
        return []
    if levels[0] > 0 and len(levels) == 1:
        return [MaskReader("shown", OverGround(0, 1))]
    least = max(1, (levels[-1] + 1) // 2)
    painted = {value[:-1] for value in used if value[-1] >= least}
    ground = int(np.iinfo(raster.dtype).max) if painted and not any(map(any, painted)) else 0
    return [MaskReader("shown", OverGround(ground, least)), MaskReader("alpha", Opacity(least))]


def alpha_levels(used: Used) -> list[int]:
    """Values of alpha other than transparent."""
    return sorted({value[-1] for value in used} - {0})
