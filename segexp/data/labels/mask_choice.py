"""Chooses how masks are read: by what they store or by what they show, whichever the user's map fits."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from segexp.data.labels.label_values import count_values
from segexp.data.labels.mask_fit import (
    UNKNOWN,
    ClassMap,
    OpenReading,
    adds_nothing,
    choose_reader,
    count_each_number_once,
    explain_other_palette,
    explain_two_ways,
    find_richer_way,
    fits_all,
    map_values,
)
from segexp.data.labels.mask_numbers import count_used_values, to_pixels
from segexp.data.labels.mask_reading import (
    KEY,
    PLAIN,
    Form,
    MaskReader,
    MaskReading,
    alpha_levels,
    alpha_readers,
    find_form,
    shown_reader,
    tone_reader,
)  # fmt: skip
from segexp.errors import DataError, LabelError
from segexp.rasters import Raster, open_raster

LOOKED_AT = 50
"""Masks whose headers are looked at."""


class ReadingChoices:
    """The way in which masks of each form are read; what has been chosen travels to loading processes.

    Attributes:
        reading: What the config says.
        notes: What :meth:`prepare` decided against what the eye would expect.
    """

    def __init__(self, reading: MaskReading = "auto") -> None:
        self.reading = reading
        self.notes: list[str] = []
        self._usual: Literal["shown", "stored"] | None = None
        self._forms: dict[Form, MaskReader] = {}
        self._files: dict[str, MaskReader] = {}

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
            groups.setdefault(find_form(raster), []).append(raster)
        waiting = [form for form, rasters in groups.items() if not self._decided(labels, form, rasters)]
        # A file of one colour has a palette of its own, which fits in both ways: it is read as the others are.
        self._usual = self._usual_way(labels, groups)
        for form in waiting:
            self._forms[form] = self._chosen(labels, form, groups[form])
        self._check_agreement(labels, groups)
        self.notes = [note for form, rasters in groups.items() if (note := self._note(labels, form, rasters))]

    def _decided(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> bool:
        """Chooses for a form; False: it fits in two ways."""
        try:
            self._forms[form] = self._chosen(labels, form, rasters)
        except OpenReading:
            return False
        except LabelError:
            raise
        except DataError:
            # Damaged: it is named when it is opened.
            return True
        return True

    def _usual_way(self, labels: ClassMap, groups: dict[Form, list[Raster]]) -> Literal["shown", "stored"] | None:
        """The one way in which palettes are read that fit in one way alone; None: there are none, or both."""
        ways: set[Literal["shown", "stored"]] = set()
        for form, reading in self._forms.items():
            if form.palette is None or (other := shown_reader(groups[form][0])) is None:
                continue
            used = count_used_values(groups[form])
            stored, seen = (map_values(labels, groups[form][0], way, used) for way in (PLAIN, other))
            if not np.array_equal(stored, seen):
                ways.add("stored" if reading.takes_palette else "shown")
        return ways.pop() if len(ways) == 1 else None

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

    def of(self, labels: ClassMap, raster: Raster) -> MaskReader:
        """The reading of a file."""
        form = find_form(raster)
        if form in self._forms:
            return self._files.get(str(raster.path), self._forms[form])
        key = str(raster.path)
        if key not in self._files:
            self._files[key] = self._chosen(labels, form, [raster])
        return self._files[key]

    def second(self, labels: ClassMap, raster: Raster) -> MaskReader | None:
        """Another reading of a file that its form's does not fit: as two tones, or as bytes; None: there is none."""
        if self.reading == "stored" or labels.nearest:
            return None
        used = count_used_values([raster])
        found = [way for way in (shown_reader(raster), tone_reader(raster, used)) if way is not None]
        fitting = next((way for way in found if fits_all(map_values(labels, raster, way, used))), None)
        if fitting is not None:
            first, second = map_values(labels, raster, PLAIN, used), map_values(labels, raster, fitting, used)
            if self._forms.get(find_form(raster)) is PLAIN and ((first != second) & (first != UNKNOWN)).any():
                # Others of its form have been read as they are stored.
                raise LabelError(explain_two_ways(raster, PLAIN, fitting, first, second, used))
            self._files[str(raster.path)] = fitting
        return fitting

    def _chosen(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> MaskReader:
        raster = rasters[0]
        if form.has_alpha and form.channels in (2, 4):
            return self._of_alpha(labels, rasters)
        other = shown_reader(raster)
        if other is None or self.reading in ("stored", "alpha") or form.is_array:
            return PLAIN
        if self.reading == "auto" and adds_nothing(labels, raster, form, other):
            return PLAIN
        used = count_each_number_once(form) if form.entries == 2 else count_used_values(rasters)
        ways = [*([PLAIN] if self.reading == "auto" else []), other]
        try:
            return choose_reader(labels, raster, ways, used)
        except OpenReading:
            usual = None if form.palette is None else self._usual or find_richer_way(labels, raster, other)
            if usual is None:
                raise
            return PLAIN if usual == "stored" else other

    def _of_alpha(self, labels: ClassMap, rasters: Sequence[Raster]) -> MaskReader:
        used = count_used_values(rasters)
        ways = alpha_readers(rasters[0], used)
        if not ways:
            return PLAIN
        levels = alpha_levels(used)
        if len(levels) > 1 and not labels.nearest:
            raise LabelError(
                f"{rasters[0].path}: a mask whose alpha channel has {len(levels)} values beside 0 (transparent), "
                f"{levels[0]} to {levels[-1]}: half painted pixels; make it opaque, or count what is painted by half "
                "and more: datamodule.unknown_values=nearest"
            )
        if self.reading in ("shown", "alpha"):
            ways = [way for way in ways if way.way == self.reading] or ways
        elif self.reading == "stored":
            return PLAIN
        return choose_reader(labels, rasters[0], ways, used)

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
                    raise LabelError(explain_other_palette(where, path, colour))

    def _colours(self, labels: ClassMap, form: Form, rasters: Sequence[Raster]) -> dict[tuple[int, ...], set[int]]:
        """Classes of what is shown, of a form that is read by what is stored."""
        other = shown_reader(rasters[0])
        if other is None or form.entries is None or form not in self._forms or not self._forms[form].takes_palette:
            return {}
        used = count_each_number_once(form) if form.entries == 2 else count_used_values(rasters)
        numbers = map_values(labels, rasters[0], PLAIN, used)[0].tolist()
        found: dict[tuple[int, ...], set[int]] = {}
        for colour, number in zip(other.of(to_pixels(rasters[0], used))[0].tolist(), numbers, strict=True):
            if number != UNKNOWN:
                found.setdefault(tuple(colour) if len(colour) == 3 else tuple(colour * 3), set()).add(number)
        return found


def count_read_values(raster: Raster, labels: Any) -> Counter[tuple[int, ...]]:
    """Pixels of each value of a mask, as a map reads it; as stored where there is no map.

    Args:
        raster: From ``open_raster(path, raw=True)``.
        labels: A :class:`segexp.data.labels.label_map.LabelMap`, or None.

    Raises:
        DataError: The file is damaged, or how it is read is open.
    """
    table = count_values(raster)
    found: Counter[tuple[int, ...]] = Counter({tuple(row[:-1]): row[-1] for row in table.tolist()})
    reading = PLAIN if labels is None else labels.choices.of(labels, raster)
    if reading.takes_palette:
        return found
    used = count_used_values([raster])
    values = reading.of(to_pixels(raster, used)).reshape(len(used), -1).tolist()
    seen: Counter[tuple[int, ...]] = Counter()
    for value, stored in zip(values, sorted(used), strict=True):
        seen[tuple(value)] += used[stored]
    return seen
