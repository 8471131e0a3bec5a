"""What the values in a sample of masks stand for, so that classes are guessed from what the picture shows."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

import numpy as np

from segexp.data.labels.mask_reading import NEAR, MaskReading, as_extremes, shown_reader
from segexp.errors import LabelError
from segexp.rasters import Raster

Value = tuple[int, ...]
"""One number, or the three of a colour."""
ValueCounts = dict[Value, int]
"""Pixels of each value of a mask."""
MaskTable = tuple[Raster, ValueCounts]
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


class Meaning(NamedTuple):
    """Values as they are meant.

    Attributes:
        tables: Of each mask.
        reading: How files must be read for them; ``auto``: as the values fit.
        note: What was decided, in words; may be empty.
        tones: Palette colours that stand for black and for white.
    """

    tables: list[ValueCounts]
    reading: MaskReading = "auto"
    note: str = ""
    tones: dict[Value, Value] = {}  # noqa: RUF012 - never changed


def interpret_values(seen: Sequence[MaskTable], reading: MaskReading = "auto", *, keeps_white: bool = False) -> Meaning:
    """Interprets stored values: transparent pixels, white stored as 0, tones that are nearly black and white.

    Args:
        seen: Masks and their stored values.
        reading: What the config says.
        keeps_white: Whether 255 is ignored, so that the 1 of one bit must not become 255.

    Raises:
        LabelError: Pixels are transparent by half.
    """
    tables = [table for _, table in seen]
    if reading == "stored":
        return Meaning(tables, reading)
    if any(_is_see_through(raster, table) for raster, table in seen):
        return _over_ground(seen, reading)
    turned = any(raster.header.white_is_zero for raster, _ in seen)
    if reading == "shown" or turned or (_is_mixed(seen) and not keeps_white):
        tables = [_as_shown(raster, table) for raster, table in seen]
        # Of one bit only what is shown fits 255; of eight both might.
        open_ones = [raster.header.white_is_zero and raster.header.white >= 255 for raster, _ in seen]
        reading = "shown" if any(open_ones) else reading
    note = "masks store white as 0 (WhiteIsZero): values are those that are shown" if turned else ""
    if _are_extremes(seen):
        tables = [_mapped(table, _extreme) if len(next(iter(table))) == 3 else table for table in tables]
        note = "colours of masks are nearly black and nearly white: they count as 0 and 255"
    return Meaning(tables, reading, note, _tones(seen))


def _is_see_through(raster: Raster, table: ValueCounts) -> bool:
    return raster.header.has_alpha and len(next(iter(table))) in (2, 4)


def _over_ground(seen: Sequence[MaskTable], reading: MaskReading) -> Meaning:
    """One painted colour: painted or not; several: transparent pixels count as black."""
    see_through = [(raster, table) for raster, table in seen if _is_see_through(raster, table)]
    for raster, table in see_through:
        levels = sorted({value[-1] for value in table} - {0})
        if len(levels) > 1:
            raise LabelError(
                f"{raster.path}: a mask whose alpha channel has {len(levels)} values beside 0 (transparent), "
                f"{levels[0]} to {levels[-1]}: half painted pixels; make masks opaque, or say what their colours mean "
                "(datamodule.mask_values) with datamodule.unknown_values=nearest, which counts what is painted by half "
                "and more"
            )
    painted = {value[:-1] for _, table in see_through for value in table if value[-1]}
    opaque = {_colour(value) for r, table in seen if r.header.has_alpha and not _is_see_through(r, table)
              for value in table}  # fmt: skip
    if reading == "alpha" or (reading == "auto" and len({_colour(value) for value in painted} | opaque) == 1):
        tables = [_mapped(table, _opacity) if raster.header.has_alpha else table for raster, table in seen]
        return Meaning(tables, "alpha", "transparent pixels of masks (alpha 0) count as 0, painted ones as 255")
    tables = [_mapped(table, _on_black) if _is_see_through(raster, table) else table for raster, table in seen]
    return Meaning(tables, reading, "transparent pixels of masks (alpha 0) count as black")


def _colour(value: Value) -> Value:
    return value if len(value) == 3 else value[:1] * 3


def _mapped(table: ValueCounts, change: Callable[[Value], Value]) -> ValueCounts:
    """Counts pixels by what their values are changed to."""
    found: Counter[Value] = Counter()
    for value, count in table.items():
        found[change(value)] += count
    return dict(found)


def _opacity(value: Value) -> Value:
    return (255 if len(value) in (1, 3) or value[-1] else 0,)


def _on_black(value: Value) -> Value:
    return value[:-1] if value[-1] else (0,) * (len(value) - 1)


def _extreme(value: Value) -> Value:
    return (255 if min(value) > 127 else 0,)


def _is_mixed(seen: Sequence[MaskTable]) -> bool:
    """Tells whether some masks are of few bits or of 16, and others use 255 for white."""
    lows = [bool(r.header.white == 1 and r.palette is None) for r, _ in seen]
    deep = [r.dtype == np.uint16 and all(n % 257 == 0 for v in t for n in v) and any(map(any, t)) for r, t in seen]
    eight = [r.dtype == np.uint8 and r.header.white == 255 and (255,) in t for r, t in seen]
    return any(eight) and (any(lows) or any(deep))


def _as_shown(raster: Raster, table: ValueCounts) -> ValueCounts:
    other = shown_reader(raster) if raster.palette is None and raster.header.channels == 1 else None
    if other is None:
        return table
    values = sorted(table)
    pixels = other.of(np.array([values], dtype=raster.dtype)).reshape(len(values), -1)[:, 0]
    numbers = dict(zip(values, pixels.tolist(), strict=True))
    return _mapped(table, lambda value: (int(numbers[value]),))


def _are_extremes(seen: Sequence[MaskTable]) -> bool:
    """Tells whether masks saved as RGB hold colours a little off black and white, and no others.

    Colours that are all nearly black differ by what they are meant to tell: they are codes, no slips.
    """
    colours = [value for raster, table in seen if raster.palette is None for value in table if len(value) == 3]
    light = any(min(colour) > 127 for colour in colours)
    return bool(colours) and _near(colours) and (light or len(set(colours)) == 1)


def _near(colours: Iterable[Value]) -> bool:
    found = np.array(list(colours))
    grey = (found.max(axis=1) - found.min(axis=1)).max() <= NEAR
    return bool(grey and (as_extremes(found[None]) < 256).all())


def _tones(seen: Sequence[MaskTable]) -> dict[Value, Value]:
    """Nearly grey colours of palettes of which files use two: the darker is black, the lighter white."""
    used: dict[bytes, set[Value]] = {}
    for raster, table in seen:
        if raster.palette is not None:
            known = {value for value in table if value[0] < len(raster.palette)}
            colours = {tuple(int(number) for number in raster.palette[value[0]]) for value in known}
            used.setdefault(raster.palette.tobytes(), set()).update(colours)
    found: dict[Value, Value] = {}
    for colours in used.values():
        dark, light = min(colours, key=sum), max(colours, key=sum)
        if len(colours) == 2 and all(max(c) - min(c) <= NEAR for c in colours) and sum(dark) < sum(light):
            found |= {dark: BLACK, light: WHITE}
    return found
