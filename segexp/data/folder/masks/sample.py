"""Which values stand in some of the masks: enough to propose classes, at a cost that has a bound."""

from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from itertools import accumulate
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from segexp.data.each import READERS, attempt
from segexp.data.folder.masks.meaning import MaskTable, Meaning, Value, interpret_values
from segexp.data.labels.label_values import count_values
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import DataError, UserError
from segexp.rasters import Raster, open_raster

MASKS = 50
"""Masks looked at."""
NAMED_MASKS = 1000
"""Masks looked at where a table names the classes: a class that it has and no mask shows is none."""
PIXELS = 200_000_000
"""Pixels looked at; the first few masks are, however large."""
FEWEST = 4
FEW = 16
"""As many values as a mask may have and still be one of classes, if nobody says what they mean."""


@dataclass(frozen=True)
class MaskSample:
    """Values that some of the masks hold, with their pixels and the files that hold them.

    Attributes:
        counts: Pixels of each value; values of one number, or colours. Of masks with palettes, their colours, since
            another file may number them otherwise; indices only where two share a colour.
        is_colour: Whether they are colours.
        indices: Where all masks have the same palette: pixels of each index.
        index_colours: The colours of these indices.
        nodata: Number that GeoTIFF masks name as missing, None: none.
        looked_at: Masks that were read.
        of: Masks that there are.
        lossy: Whether some are JPEG.
        holders: The masks that hold each value of ``counts``.
        reading: How files must be read for these values.
        note: How they were read, in words; may be empty.
    """

    counts: dict[Value, int]
    is_colour: bool
    indices: dict[Value, int]
    index_colours: dict[Value, Value]
    nodata: int | None
    looked_at: int
    of: int
    lossy: bool
    holders: dict[Value, list[Path]] = field(default_factory=dict)
    reading: MaskReading = "auto"
    note: str = ""


def sample_masks(
    paths: Sequence[Path], reading: MaskReading = "auto", *, keeps_white: bool = False, masks: int | None = None
) -> MaskSample:
    """Looks at masks spread over the list; at further ones as long as all hold but one value.

    Args:
        paths: All masks.
        reading: What the config says of how files are read.
        keeps_white: Whether 255 is ignored, see :func:`segexp.data.folder.masks.meaning.interpret_values`.
        masks: Masks looked at; None: as many as usual.

    What cannot be read is passed over: it is named, with all other bad files, when every mask is looked at.

    Raises:
        DataError: No mask can be read, or none is of a kind that stands for classes.
    """
    masks = masks or MASKS
    chosen = take_evenly(paths, masks)
    seen, errors = _read(chosen)
    if len({value for _, table in seen for value in table}) < 2 and len(paths) > len(chosen):
        before = set(chosen)
        seen += _read([path for path in take_evenly(paths, 4 * masks) if path not in before])[0]
    if not seen:
        raise errors[0]
    return _summary(seen, interpret_values(seen, reading, keeps_white=keeps_white), len(paths))


def looks_like_masks(paths: Sequence[Path]) -> bool:
    """Tells whether files hold few values, as masks do and photographs do not."""
    try:
        return all(len(count_values(open_raster(path, raw=True))) <= FEW for path in take_evenly(paths, FEWEST))
    except DataError:
        return False


def take_evenly(paths: Sequence[Path], count: int) -> list[Path]:
    """So many of them, evenly over the list."""
    step = max(1, len(paths) / count)
    return [paths[int(place * step)] for place in range(min(count, len(paths)))]


def _read(paths: Sequence[Path]) -> tuple[list[MaskTable], list[UserError]]:
    with ThreadPoolExecutor(READERS) as pool:
        opened = list(pool.map(partial(attempt, partial(open_raster, raw=True)), paths))
        rasters = [raster for raster in opened if isinstance(raster, Raster)]
        sizes = accumulate(raster.height * raster.width for raster in rasters)
        chosen = [r for i, (r, size) in enumerate(zip(rasters, sizes, strict=True)) if i < FEWEST or size <= PIXELS]
        tables = list(pool.map(partial(attempt, _values), chosen))
    seen = [(raster, table) for raster, table in zip(chosen, tables, strict=True) if isinstance(table, dict)]
    return seen, [error for error in (*opened, *tables) if isinstance(error, UserError)]


def _values(raster: Raster) -> dict[Value, int]:
    table = _opaque(count_values(raster), raster)
    values = table[:, :-1]
    if raster.header.has_alpha and values.shape[1] in (2, 4):
        return {tuple(int(number) for number in row[:-1]): int(row[-1]) for row in table}
    if (
        values.shape[1] > 1
        and values.min() == 0
        and (values.max(axis=1) == 1).all()
        and (values.sum(axis=1) == 1).all()
    ):
        return {(int(row[:-1].argmax()),): int(row[-1]) for row in table}
    if values.shape[1] not in (1, 3) or (values.shape[1] == 3 and raster.dtype != np.uint8):
        raise DataError(
            f"{raster.path}: a mask of {values.shape[1]} channels of {raster.dtype}, expected one channel, RGB, or "
            "one-hot channels (exactly one 1 per pixel); save class numbers as a grey image"
        )
    return {tuple(int(number) for number in row[:-1]): int(row[-1]) for row in table}


def _opaque(table: NDArray[np.int64], raster: Raster) -> NDArray[np.int64]:
    """Without an alpha channel that is full everywhere; grey saved as RGB then counts as one channel."""
    channels = table.shape[1] - 1
    if channels not in (2, 4) or raster.dtype.kind != "u" or (table[:, -2] != np.iinfo(raster.dtype).max).any():
        return table
    colours = np.delete(table, channels - 1, axis=1)
    grey = channels == 4 and (colours[:, :3] == colours[:, :1]).all()
    return colours[:, 2:] if grey else colours


def _summary(seen: Sequence[MaskTable], meant: Meaning, of: int) -> MaskSample:
    indices, colours = _indices(seen)
    plain = len(set(colours.values())) < len(colours)
    counts: Counter[Value] = Counter()
    holders: dict[Value, list[Path]] = {}
    for (raster, _), table in zip(seen, meant.tables, strict=True):
        for stored, count in sorted(table.items()):
            value = stored if raster.palette is None or plain else _coloured(stored[0], raster)
            value = meant.tones.get(value, value)
            counts[value] += count
            holders.setdefault(value, []).append(raster.path)
    is_colour = any(len(value) == 3 for value in counts)
    nodata = {raster.missing_number for raster, _ in seen} - {None}
    return MaskSample(
        counts=_as_colours(counts, [meant.tones.get(c, c) for c in colours.values()], seen[0][0].path)
        if is_colour
        else dict(sorted(counts.items())),
        is_colour=is_colour,
        indices=indices,
        index_colours=colours,
        nodata=nodata.pop() if len(nodata) == 1 else None,
        looked_at=len(seen),
        of=of,
        lossy=any(raster.header.kind.startswith("JPEG") for raster, _ in seen),
        holders=holders,
        reading=meant.reading,
        note=meant.note,
    )


def _indices(seen: Sequence[MaskTable]) -> tuple[dict[Value, int], dict[Value, Value]]:
    """Pixels and colour of each palette index; nothing where palettes differ."""
    first = seen[0][0].palette
    if first is None or any(r.palette is None or not np.array_equal(r.palette, first) for r, _ in seen):
        return {}, {}
    counts: Counter[Value] = Counter()
    for _, table in seen:
        counts.update(table)
    return dict(sorted(counts.items())), {value: _coloured(value[0], seen[0][0]) for value in sorted(counts)}


def _coloured(index: int, raster: Raster) -> Value:
    palette = raster.palette
    if palette is None or index >= len(palette):
        raise DataError(f"{raster.path}: palette index {index} is beyond its palette; copy it again from its source")
    return tuple(int(number) for number in palette[index])


def _as_colours(counts: Counter[Value], order: Sequence[Value], path: Path) -> dict[Value, int]:
    """Grey among colours is the same number three times; sorted, or in the order of the palette."""
    found: dict[Value, int] = dict.fromkeys(order, 0)
    for value, count in sorted(counts.items()):
        if value[0] > 255:
            raise DataError(f"{path}: some masks hold colours and others grey values of 16 bits; save all in one form")
        colour = value if len(value) == 3 else value * 3
        found[colour] = found.get(colour, 0) + count
    return found


SHOWN = 8
"""Masks that are named, and values of one that are written out."""


def describe_odd_masks(sample: MaskSample) -> str:
    """The masks that are unlike most, in words before a further question; empty where the masks are all of a kind."""
    common = [value for value, paths in sample.holders.items() if 2 * len(set(paths)) > sample.looked_at]
    others: dict[Path, list[Value]] = {}
    for value, paths in sorted(sample.holders.items()):
        for path in paths if value not in common else ():
            others.setdefault(path, []).append(value)
    if len(common) < 2 or not 0 < 2 * len(others) < sample.looked_at:
        return ""
    named = [f"{path.name} ({_told(values)})" for path, values in sorted(others.items())]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    clean = sample.looked_at - len(others)
    usual = ", ".join(map(_word, sorted(common)))
    odd = f"{', '.join(named[:SHOWN])}{more}"
    return f"{clean} of the {sample.looked_at} masks hold {usual} alone; unlike them are {odd}: are these mistakes? "


def _told(values: list[Value]) -> str:
    return ", ".join(map(_word, values)) if len(values) <= SHOWN else f"{len(values)} other values"


def _word(value: Value) -> str:
    return " ".join(map(str, value))
