"""Whether a map of classes fits what masks store, or what they show, and what is said where both fit."""

from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Mask
from segexp.data.labels.mask_numbers import to_pixels
from segexp.data.labels.mask_reading import KEY, PLAIN, Form, MaskReader, Used, tone_reader
from segexp.errors import DataError, LabelError
from segexp.rasters import Raster

UNKNOWN = 254
"""What the tables of a map hold for a value that is no class; so there are at most 254 classes, 0 to 253."""


class OpenReading(LabelError):
    """The map fits what is stored and what is shown, and they disagree."""


class ClassMap(Protocol):
    """Class numbers of values."""

    nearest: bool
    colours: dict[int, int]

    def known(self, pixels: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None) -> Mask:
        """Class numbers, ``UNKNOWN`` where a value is none; uint8 (h, w)."""


def choose_reader(labels: ClassMap, raster: Raster, ways: list[MaskReader], used: Used) -> MaskReader:
    """The one way that fits all values; else that which fits most pixels.

    Raises:
        LabelError: Several fit, and they disagree.
    """
    found = [(way, map_values(labels, raster, way, used)) for way in ways]
    fitting = [(way, classes) for way, classes in found if fits_all(classes)]
    if fitting:
        first, classes = fitting[0]
        for way, others in fitting[1:]:
            if not np.array_equal(classes, others):
                raise OpenReading(explain_two_ways(raster, first, way, classes, others, used))
        return first
    two = tone_reader(raster, used)
    if two is not None:
        found.append((two, map_values(labels, raster, two, used)))
    pixels = np.array([used[value] for value in sorted(used)])
    return max(found, key=lambda one: int(pixels[one[1][0] != UNKNOWN].sum()))[0]


def find_richer_way(labels: ClassMap, raster: Raster, other: MaskReader) -> Literal["shown", "stored"] | None:
    """The way in which a palette has more of the classes; None: as many in both."""
    every: Used = {(number,): 1 for number in range(len(raster.palette) if raster.palette is not None else 0)}
    stored, seen = (len(set(map_values(labels, raster, way, every).flat) - {UNKNOWN}) for way in (PLAIN, other))
    return None if stored == seen else "stored" if stored > seen else "shown"


def fits_all(classes: Mask) -> bool:
    """Tells whether every value is a class."""
    return not (classes == UNKNOWN).any()


def map_values(labels: ClassMap, raster: Raster, way: MaskReader, used: Used) -> Mask:
    """Classes of the values of a file in one way, uint8 (1, n)."""
    rows = to_pixels(raster, used)
    try:
        return labels.known(way.of(rows), raster.path, raster.palette if way.takes_palette else None)
    except DataError:
        return np.full(rows.shape[:2], UNKNOWN, np.uint8)


def adds_nothing(labels: ClassMap, raster: Raster, form: Form, other: MaskReader) -> bool:
    """Tells whether shown values make no further value of the form a class, and agree with the stored ones."""
    numbers = form.entries or (65536 if raster.dtype == np.uint16 else None)
    if numbers is None or form.entries == 2 or form.palette is not None:
        return False
    every: Used = {(number,): 1 for number in range(numbers)}
    stored, seen = map_values(labels, raster, PLAIN, every), map_values(labels, raster, other, every)
    if form.entries is None:
        # Files of 16 bits are read as they are until one does not fit; see Choices.second.
        return bool(((seen == UNKNOWN) | (stored == UNKNOWN) | (stored == seen)).all())
    return bool(((seen == UNKNOWN) | (stored == seen)).all()) and fits_all(stored[seen != UNKNOWN])


def count_each_number_once(form: Form) -> Used:
    """All numbers that files of a form can store, one pixel each."""
    return {(number,): 1 for number in range(form.entries or 0)}


def explain_two_ways(raster: Raster, one: MaskReader, two: MaskReader, first: Mask, second: Mask, used: Used) -> str:
    """The refusal where both readings fit."""
    values = sorted(used)
    place = int(np.flatnonzero(first[0] != second[0])[0])
    class_of_way = {way.way: classes[0, place] for way, classes in ((one, first), (two, second))}
    seen = {way.way: way.of(to_pixels(raster, used)).reshape(len(values), -1)[place].tolist() for way in (one, two)}
    words = " or ".join(
        f"{' '.join(map(str, seen[way]))} ({way}), which is class {number}" for way, number in class_of_way.items()
    )
    # Two tones are a way of what is shown.
    lines = "\n".join(f"  {KEY}={'shown' if way == 'tones' else way}" for way in class_of_way)
    return (
        f"{raster.path}: datamodule.mask_values fits this mask in two ways: the same pixels are {words}; add one of "
        f"these lines\n{lines}"
    )


def explain_other_palette(one: Path, other: Path, colour: tuple[int, ...]) -> str:
    """The refusal where palettes put one colour to two classes."""
    return (
        f"{other}: its numbers stand for other colours than those of {one}: what shows {' '.join(map(str, colour))} is "
        "one class in the first and another in the second; add one of these lines: what the picture shows, with "
        f"datamodule.mask_values of what is shown, or the numbers as they are\n  {KEY}=shown\n  {KEY}=stored"
    )
