"""Chooses how masks are read: by what they store or by what they show, whichever the user's map fits."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from segexp.data.items import Mask
from segexp.data.label_values import read_values
from segexp.data.mask_numbers import as_pixels, used_values
from segexp.data.mask_reading import (
    KEY,
    PLAIN,
    Form,
    MaskReading,
    Reading,
    Used,
    alpha_levels,
    form_of,
    over_ground,
    shown,
    tones,
)  # fmt: skip
from segexp.data.rasters import Raster, open_raster
from segexp.errors import DataError, LabelError

UNKNOWN = 254
"""What the tables of a map hold for a value that is no class; so there are at most 254 classes, 0 to 253."""
LOOKED_AT = 50
"""Masks whose headers are looked at."""


class ClassMap(Protocol):
    """Class numbers of values."""

    nearest: bool
    colours: dict[int, int]

    def known(self, pixels: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None) -> Mask:
        """Class numbers, ``UNKNOWN`` where a value is none; uint8 (h, w)."""


class Choices:
    """How masks are read, form by form; what has been chosen travels to loading processes.

    Attributes:
        reading: What the config says.
        notes: What :meth:`prepare` decided against what the eye would expect.
    """

    def __init__(self, reading: MaskReading = "auto") -> None:
        self.reading = reading
        self.notes: list[str] = []
        self._forms: dict[Form, Reading] = {}
        self._files: dict[str, Reading] = {}

    def prepare(self, labels: ClassMap, paths: Sequence[Path]) -> None:
        """Chooses for the forms of a sample of masks, so that none is chosen by the pixels of one file alone.

        Args:
            labels: The map.
            paths: All masks; what cannot be read is passed over, and named when it is opened.

        Raises:
            LabelError: The map fits what is stored and what is shown, and they disagree.
        """
        step = max(1, len(paths) // LOOKED_AT)
        groups: dict[Form, list[Raster]] = {}
        for path in paths[::step]:
            try:
                raster = open_raster(path, raw=True)
            except DataError:
                continue
            groups.setdefault(form_of(raster), []).append(raster)
        for form, rasters in groups.items():
            try:
                self._forms[form] = self._chosen(labels, form, rasters)
            except LabelError:
                raise
            except DataError:
                # Damaged: it is named when it is opened.
                continue
        self._check_agreement(labels, groups)
        self.notes = [note for form, rasters in groups.items() if (note := self._note(labels, form, rasters))]

    def _note(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> str:
        """In words how files of a form are read, where it is not as they are shown; may be empty."""
        path, way = rasters[0].path, self._forms.get(form, PLAIN).way
        like = f"{path} and others of its kind" if len(rasters) > 1 else str(path)
        if way == "tones":
            return f"{like}: the darker of its two colours is read as 0, the lighter as 255"
        if form.has_alpha and way in ("shown", "alpha"):
            ground = (
                "where it is transparent as 0, elsewhere as 255" if way == "alpha" else "transparent pixels as black"
            )
            return f"{like}: read by its alpha channel, {ground}"
        colours = {colour: min(numbers) for colour, numbers in self._colours(labels, form, rasters).items()}
        dark, light = min(colours, key=sum, default=(0,)), max(colours, key=sum, default=(0,))
        if len(colours) == 2 and colours[light] < colours[dark] and not labels.colours:
            return (
                f"{like}: read by the numbers it stores, of which class {colours[light]} shows lighter than class "
                f"{colours[dark]}; what is shown is read with {KEY}=shown and its values in datamodule.mask_values"
            )
        return ""

    def of(self, labels: ClassMap, raster: Raster) -> Reading:
        """The reading of a file."""
        form = form_of(raster)
        if form in self._forms:
            return self._files.get(str(raster.path), self._forms[form])
        key = str(raster.path)
        if key not in self._files:
            self._files[key] = self._chosen(labels, form, [raster])
        return self._files[key]

    def second(self, labels: ClassMap, raster: Raster) -> Reading | None:
        """Another reading of a file that its form's does not fit: as two tones, or as bytes; None: there is none."""
        if self.reading == "stored" or labels.nearest:
            return None
        used = used_values([raster])
        found = [way for way in (shown(raster), tones(raster, used)) if way is not None]
        fitting = next((way for way in found if _fits(_classes(labels, raster, way, used))), None)
        if fitting is not None:
            first, second = _classes(labels, raster, PLAIN, used), _classes(labels, raster, fitting, used)
            if self._forms.get(form_of(raster)) is PLAIN and ((first != second) & (first != UNKNOWN)).any():
                # Others of its form have been read as they are stored.
                raise LabelError(_both(raster, PLAIN, fitting, first, second, used))
            self._files[str(raster.path)] = fitting
        return fitting

    def _chosen(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> Reading:
        raster = rasters[0]
        if form.has_alpha and form.channels in (2, 4):
            return self._of_alpha(labels, rasters)
        other = shown(raster)
        if other is None or self.reading in ("stored", "alpha") or form.is_array:
            return PLAIN
        if self.reading == "auto" and _says_nothing(labels, raster, form, other):
            return PLAIN
        used = _every(form) if form.entries == 2 else used_values(rasters)
        ways = [*([PLAIN] if self.reading == "auto" else []), other]
        return _best(labels, raster, ways, used)

    def _of_alpha(self, labels: ClassMap, rasters: Sequence[Raster]) -> Reading:
        used = used_values(rasters)
        ways = over_ground(rasters[0], used)
        if not ways:
            return PLAIN
        levels = alpha_levels(used)
        if len(levels) > 1 and not labels.nearest:
            raise LabelError(
                f"{rasters[0].path}: a mask whose alpha channel has {len(levels)} values beside 0 (transparent), "
                f"{levels[0]} to {levels[-1]}: half painted pixels; make it opaque, or count what is painted by half "
                "and more: datamodule.stray=nearest"
            )
        if self.reading in ("shown", "alpha"):
            ways = [way for way in ways if way.way == self.reading] or ways
        elif self.reading == "stored":
            return PLAIN
        return _best(labels, rasters[0], ways, used)

    def _check_agreement(self, labels: ClassMap, groups: dict[Form, list[Raster]]) -> None:
        """Palettes in another order, read by their indices, must not make one colour two classes."""
        if self.reading != "auto":
            return
        known: dict[tuple[int, ...], tuple[set[int], Path]] = {}
        for form, rasters in groups.items():
            path = rasters[0].path
            for colour, numbers in self._colours(labels, form, rasters).items():
                first, where = known.setdefault(colour, (numbers, path))
                if not first & numbers:
                    raise LabelError(_turned(where, path, colour))

    def _colours(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> dict[tuple[int, ...], set[int]]:
        """Classes of what is shown, of a form that is read by what is stored."""
        other = shown(rasters[0])
        if other is None or form.entries is None or form not in self._forms or not self._forms[form].takes_palette:
            return {}
        used = _every(form) if form.entries == 2 else used_values(rasters)
        numbers = _classes(labels, rasters[0], PLAIN, used)[0].tolist()
        found: dict[tuple[int, ...], set[int]] = {}
        for colour, number in zip(other.of(as_pixels(rasters[0], used))[0].tolist(), numbers, strict=True):
            if number != UNKNOWN:
                found.setdefault(tuple(colour) if len(colour) == 3 else tuple(colour * 3), set()).add(number)
        return found


def values_read(raster: Raster, labels: Any) -> Counter[tuple[int, ...]]:
    """Pixels of each value of a mask, as a map reads it; as stored where there is no map.

    Args:
        raster: From ``open_raster(path, raw=True)``.
        labels: A :class:`segexp.data.labels.LabelMap`, or None.

    Raises:
        DataError: The file is damaged, or how it is read is open.
    """
    table = read_values(raster)
    found: Counter[tuple[int, ...]] = Counter({tuple(row[:-1]): row[-1] for row in table.tolist()})
    reading = PLAIN if labels is None else labels.choices.of(labels, raster)
    if reading.takes_palette:
        return found
    used = used_values([raster])
    values = reading.of(as_pixels(raster, used)).reshape(len(used), -1).tolist()
    seen: Counter[tuple[int, ...]] = Counter()
    for value, stored in zip(values, sorted(used), strict=True):
        seen[tuple(value)] += used[stored]
    return seen


def _best(labels: ClassMap, raster: Raster, ways: list[Reading], used: Used) -> Reading:
    """The one way that fits all values; else that which fits most pixels.

    Raises:
        LabelError: Several fit, and they disagree.
    """
    found = [(way, _classes(labels, raster, way, used)) for way in ways]
    fitting = [(way, classes) for way, classes in found if _fits(classes)]
    if fitting:
        first, classes = fitting[0]
        for way, others in fitting[1:]:
            if not np.array_equal(classes, others):
                raise LabelError(_both(raster, first, way, classes, others, used))
        return first
    two = tones(raster, used)
    if two is not None:
        found.append((two, _classes(labels, raster, two, used)))
    pixels = np.array([used[value] for value in sorted(used)])
    return max(found, key=lambda one: int(pixels[one[1][0] != UNKNOWN].sum()))[0]


def _fits(classes: Mask) -> bool:
    return not (classes == UNKNOWN).any()


def _classes(labels: ClassMap, raster: Raster, way: Reading, used: Used) -> Mask:
    """Classes of the values of a file in one way, uint8 (1, n)."""
    rows = as_pixels(raster, used)
    try:
        return labels.known(way.of(rows), raster.path, raster.palette if way.takes_palette else None)
    except DataError:
        return np.full(rows.shape[:2], UNKNOWN, np.uint8)


def _says_nothing(labels: ClassMap, raster: Raster, form: Form, other: Reading) -> bool:
    """Whether what is shown makes no further value of the form a class, and agrees with what is stored."""
    numbers = form.entries or (65536 if raster.dtype == np.uint16 else None)
    if numbers is None or form.entries == 2 or form.palette is not None:
        return False
    every: Used = {(number,): 1 for number in range(numbers)}
    stored, seen = _classes(labels, raster, PLAIN, every), _classes(labels, raster, other, every)
    if form.entries is None:
        # Files of 16 bits are read as they are until one does not fit; see Choices.second.
        return bool(((seen == UNKNOWN) | (stored == UNKNOWN) | (stored == seen)).all())
    return bool(((seen == UNKNOWN) | (stored == seen)).all()) and _fits(stored[seen != UNKNOWN])


def _every(form: Form) -> Used:
    return {(number,): 1 for number in range(form.entries or 0)}


def _both(raster: Raster, one: Reading, two: Reading, first: Mask, second: Mask, used: Used) -> str:
    """The refusal where both readings fit."""
    values = sorted(used)
    place = int(np.flatnonzero(first[0] != second[0])[0])
    told = {way.way: classes[0, place] for way, classes in ((one, first), (two, second))}
    seen = {way.way: way.of(as_pixels(raster, used)).reshape(len(values), -1)[place].tolist() for way in (one, two)}
    words = " or ".join(
        f"{' '.join(map(str, seen[way]))} ({way}), which is class {number}" for way, number in told.items()
    )
    # Two tones are a way of what is shown.
    lines = "\n".join(f"  {KEY}={'shown' if way == 'tones' else way}" for way in told)
    return (
        f"{raster.path}: datamodule.mask_values fits this mask in two ways: the same pixels are {words}; add one of "
        f"these lines\n{lines}"
    )


def _turned(one: Path, other: Path, colour: tuple[int, ...]) -> str:
    return (
        f"{other}: its numbers stand for other colours than those of {one}: what shows {' '.join(map(str, colour))} is "
        "one class in the first and another in the second; add one of these lines: what the picture shows, with "
        f"datamodule.mask_values of what is shown, or the numbers as they are\n  {KEY}=shown\n  {KEY}=stored"
    )
