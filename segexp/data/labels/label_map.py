"""Maps what stands in mask files to class numbers; no value passes unchecked."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.config.checks.built_words import check_word
from segexp.data.items.item import Image, Mask
from segexp.data.labels.label_keys import (
    HIGHEST,
    KEY,
    Values,
    format_key,
    list_keys,
    parse_values,
    propose_line,
    propose_named_line,
)
from segexp.data.labels.label_values import count_values
from segexp.data.labels.mask_choice import ReadingChoices
from segexp.data.labels.mask_fit import UNKNOWN
from segexp.data.labels.mask_forms import pack_colours, to_plane, to_rgb
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import ConfigError, LabelError
from segexp.rasters import Raster

__all__ = ["LabelMap", "check_mapping", "count_values", "to_classes"]

MANY = 16
"""More values than this are no classes: a mask that was resized or saved as JPEG."""
BAND = 64
"""Rows of colours that are looked up at once, so that what lies between stays in the processor's cache."""


class LabelMap:
    """Turns the pixels of a mask file into class numbers.

    Masks of one channel (values of 8 or 16 bits, one bit, palette indices), grey saved as RGB, RGB colours, and one-hot
    arrays (channel number = value). Pickles without its tables.

    Attributes:
        changed: With ``nearest``: by file and value (a colour as ``"255 0 0"``), how many pixels were set to the
            nearest legal one. Of several windows of a file the largest count stands; the whole mask gives the true one.
    """

    def __init__(
        self,
        values: Values,
        classes: int,
        nearest: bool = False,
        *,
        fixed: bool = False,
        names: Sequence[str] = (),
        reading: MaskReading = "auto",
    ) -> None:
        """Checks the mapping.

        Args:
            values: Class number of each legal value (0..65535) or colour (``"255 0 0"``, ``"255,0,0"``, ``"#ff0000"``);
                255 for ignored.
            classes: Number of classes.
            nearest: Whether an unknown value becomes the nearest legal one (of two equally near the lower; of colours
                by the least distance in RGB); what was changed is kept in ``changed``.
            fixed: Whether the mapping belongs to the layout of a data set and no key changes it.
            names: Of the classes, where the data set takes names in ``mask_values`` and has a key ``unknown_values``.
            reading: Whether values are what files store or what they show; ``auto``: whichever the mapping fits.

        Raises:
            ConfigError: A key or a class number is out of range.
        """
        if classes > UNKNOWN:
            raise ConfigError(f"{KEY}: found {classes} classes, expected at most {UNKNOWN}")
        self.numbers, self.colours = parse_values(values, classes)
        self.classes = classes
        self.nearest = nearest
        self.fixed = fixed
        self.names = tuple(names)
        self.changed: dict[str, dict[int | str, int]] = {}
        check_word("datamodule.mask_reading", reading, MaskReading)
        self.choices = ReadingChoices(reading)
        self._build()

    def _build(self) -> None:
        """Tables: of values, where a grey colour counts as its value, and of colours, where a value counts as grey."""
        greys = {colour & 255: number for colour, number in self.colours.items() if colour % 0x010101 == 0}
        self._by_value = {**greys, **self.numbers}
        as_colours = {value * 0x010101: number for value, number in self.numbers.items() if value <= 255}
        self._by_colour = {**as_colours, **self.colours}
        self._table = np.full(HIGHEST + 1, UNKNOWN, dtype=np.uint8)
        self._table[list(self._by_value)] = list(self._by_value.values())
        self._colour_table: Mask | None = None

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if not name.startswith("_")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._build()

    def prepare(self, paths: Sequence[Path]) -> None:
        """Settles how files are read by a sample of them; raises LabelError where that is open."""
        self.choices.prepare(self, paths)

    def window(self, raster: Raster, top: int, left: int, height: int, width: int) -> Mask:
        """Class numbers of a window of a file, read as the mapping fits it; see :meth:`apply`.

        Args:
            raster: From ``open_raster(path, raw=True)``.
            top: First row.
            left: First column.
            height: Rows.
            width: Columns.
        """
        reading = self.choices.of(self, raster)
        raw = raster.window(top, left, height, width)
        try:
            return self.apply(reading.of(raw), raster.path, raster.palette if reading.takes_palette else None)
        except LabelError:
            second = self.choices.second(self, raster)
            if second is None:
                raise
            return self.apply(second.of(raw), raster.path)

    def known(self, pixels: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None) -> Mask:
        """Gives class numbers as :meth:`apply` does, 254 where a value is no class."""
        return self._found(pixels, path, palette)[0]

    def _found(
        self, raw: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None
    ) -> tuple[Mask, Callable[[], NDArray[Any]], bool]:
        """Classes, what they were looked up by, and whether these are colours."""
        colours = to_rgb(raw, path, palette) if self.colours else None
        plane = to_plane(raw, path) if colours is None else None
        if plane is not None:
            return self._look_up(plane), lambda: plane, False
        seen = raw[..., :3] if colours is None else colours
        return self._look_up_colours(seen), lambda: pack_colours(seen), True

    def apply(self, raw: NDArray[Any], path: Path, palette: NDArray[np.uint8] | None = None) -> Mask:
        """Class numbers of a mask or of a window of one.

        Args:
            raw: Stored numbers (H, W) or (H, W, C), from ``open_raster(path, raw=True)``.
            path: The file, for messages.
            palette: uint8 (n, 3), RGB of the indices in ``raw``. If the mapping has colours they are looked up in it;
                else the mapping is of indices.

        Returns:
            uint8 (H, W), class numbers and 255 for ignored.

        Raises:
            LabelError: A value is none of the legal ones; the message has the line to write.
        """
        classes, keys, is_colour = self._found(raw, path, palette)
        return self._checked(classes, keys, path, is_colour=is_colour)

    def notes(self) -> list[str]:
        """Says for each file how many pixels ``nearest`` has set to another value."""
        return [
            f"{path}: {sum(counts.values())} pixels of {', '.join(map(str, counts))} set to the nearest legal value"
            for path, counts in self.changed.items()
        ]

    def _look_up(self, values: NDArray[Any]) -> Mask:
        if values.dtype == np.uint8:
            # Ten times as fast as an index of numpy.
            return np.asarray(cv2.LUT(np.ascontiguousarray(values), self._table[:256]), dtype=np.uint8)
        if values.dtype in (np.bool_, np.uint16):
            return np.take(self._table, values)
        legal = (values >= 0) & (values <= HIGHEST)
        return np.where(legal, np.take(self._table, np.where(legal, values, 0)), UNKNOWN).astype(np.uint8)

    def _look_up_colours(self, colours: NDArray[np.uint8]) -> Mask:
        if self._colour_table is None:
            # One entry for each colour there is, 16 MB, of which only the pages that are used take up memory: they
            # begin as 0, so that 0 has to stand for UNKNOWN, and every class is kept 2 higher (modulo 256).
            table = np.zeros(2**24, dtype=np.uint8)
            table[list(self._by_colour)] = [(number + 2) % 256 for number in self._by_colour.values()]
            # Only when it is full: masks are read by several threads, and one must not look up in an empty table.
            self._colour_table = table
        classes = np.empty(colours.shape[:2], dtype=np.uint8)
        for row in range(0, len(colours), BAND):
            keys = pack_colours(colours[row : row + BAND])
            # No key is out of range: "clip" only saves the check.
            np.take(self._colour_table, keys, out=classes[row : row + BAND], mode="clip")
        classes -= np.uint8(2)
        return classes

    def _checked(self, classes: Mask, keys: Callable[[], NDArray[Any]], path: Path, *, is_colour: bool) -> Mask:
        """Refuses, or sets to the nearest class, what the tables do not know; only then are ``keys`` needed."""
        unknown = classes == UNKNOWN
        if not unknown.any():
            return classes
        values, inverse, counts = np.unique(keys()[unknown], return_inverse=True, return_counts=True)
        if not self.nearest:
            raise self._refusal(values.tolist(), path, is_colour)
        classes[unknown] = self._nearest_classes(values, is_colour)[inverse]
        changed = self.changed.setdefault(str(path), {})
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            name = format_key(value, is_colour) if is_colour else value
            changed[name] = max(count, changed.get(name, 0))
        return classes

    def _nearest_classes(self, values: NDArray[Any], is_colour: bool) -> Mask:
        mapping = self._by_colour if is_colour else self._by_value
        legal = sorted(mapping)
        # The first of equally near ones is the lowest, as they are sorted.
        near = [int(_distances(np.array(legal), int(value), is_colour).argmin()) for value in values]
        return np.array([mapping[legal[place]] for place in near], dtype=np.uint8)

    def _refusal(self, illegal: list[int], path: Path, is_colour: bool) -> LabelError:
        mapping = self._by_colour if is_colour else self._by_value
        what = "colours" if is_colour else "values"
        found = f"mask {what} {list_keys(illegal, is_colour)} fit no class (legal: {list_keys(mapping, is_colour)})"
        if len(illegal) > MANY:
            many = f"{len(illegal)} such {what} are no classes, was it resized or saved as JPEG?"
            return LabelError(f"{path}: {found}; {many} Copy it again from its source")
        if self.fixed:
            return LabelError(f"{path}: {found}; copy it again from its source")

        def line(values: Sequence[int]) -> str:
            if self.names:
                return f"{KEY}={propose_named_line(values, mapping, self.names, is_colour)}"
            return f"{KEY}={propose_line(values, mapping, self.classes, is_colour)}"

        if self.names:
            advice = f"if they are classes: {line(illegal)}; if they are smeared: datamodule.unknown_values=nearest"
        else:
            advice = f"if they are meant, say what they are: {line(illegal)}"
        error = LabelError(f"{path}: {found}; {advice}")
        error.illegal, error.proposal = frozenset(illegal), line
        return error


def _distances(legal: NDArray[np.int64], value: int, is_colour: bool) -> NDArray[np.int64]:
    """Squared distance of a value, or of a colour in RGB, to each legal one."""
    if not is_colour:
        return (legal - value) ** 2
    parts = [(legal >> shift & 255) - (value >> shift & 255) for shift in (16, 8, 0)]
    return np.asarray(parts[0] ** 2 + parts[1] ** 2 + parts[2] ** 2)


def check_mapping(mapping: Mapping[int, int], classes: int) -> dict[int, int]:
    """The ``mask_values`` of a config whose masks are grey values of 8 bits.

    Args:
        mapping: Class number of each legal value.
        classes: Number of classes that the files distinguish.

    Raises:
        ConfigError: A value is none of 8 bits, or a class number does not exist.
    """
    for value, number in mapping.items():
        if not 0 <= value <= 255 or not 0 <= number < classes:
            raise ConfigError(
                f"{KEY}: found {value}:{number}, expected a value of 0..255 and a class of 0..{classes - 1}"
            )
    return dict(mapping)


def to_classes(values: Image, mapping: Mapping[int, int], path: Path, *, fixed: bool = False) -> Mask:
    """Class numbers of a mask file.

    Args:
        values: uint8 (H, W), values as they stand in the file.
        mapping: Class number of each legal value, for example ``{0: 0, 255: 1}``.
        path: The file, for the message.
        fixed: Whether the mapping belongs to the layout and no key changes it.

    Returns:
        uint8 (H, W), class numbers.

    Raises:
        LabelError: The file holds a value that maps to no class; the message has the line to write.
    """
    return LabelMap(mapping, max(mapping.values()) + 1, fixed=fixed).apply(values, path)
