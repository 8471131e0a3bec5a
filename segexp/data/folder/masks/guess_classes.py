"""Guesses what mask values mean, where only one reading is likely; refuses with lines to choose from where not."""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from segexp.data.folder.masks.meaning import Value
from segexp.data.folder.masks.object_numbers import are_codes, are_object_numbers
from segexp.data.folder.masks.palette import Colour, name_colour
from segexp.data.folder.masks.sample import FEW, MaskSample, describe_odd_masks
from segexp.data.folder.override import format_override
from segexp.data.labels.label_keys import parse_key
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import DataError
from segexp.spec import IGNORED

KEY = "datamodule.mask_values"
SMEARED = 0.05
"""Share of the pixels that all values between two others have when they are their mixtures."""
RARE = 1e-4
"""Share of the pixels below which a value beside two others is asked about: a slip of the pen, or a rare class."""
MOST = 64
"""As many values as are written out in a line to choose."""
SMALL = 63
"""Values up to this are numbers of classes where several are there, and no tones of grey."""
BLACK = (0, 0, 0)
Named = dict[int | str, int | str]


@dataclass(frozen=True)
class Guess:
    """Class of each value by name, how that was found, the colours of the masks themselves, and how they are read."""

    values: Named
    note: str
    colours: dict[str, Colour] = field(default_factory=dict)
    reading: MaskReading = "auto"


def guess_values(sample: MaskSample, classes: Sequence[str] | None, ignored: Sequence[int | str]) -> Guess:
    """Classes of the values found in some masks.

    Two values are background and foreground, a few are classes in their order, colours are called by their names.

    Args:
        sample: What was found.
        classes: Names, where the config gives some.
        ignored: Values that the config says to ignore.

    Raises:
        DataError: It is open what they mean.
    """
    sample = _as_meant(sample, classes, ignored)
    left_out = {as_value(key, sample) for key in ignored}
    values = [value for value in sample.counts if value not in left_out]
    if classes is not None:
        return _of_given(values, classes, sample)
    if len(values) > FEW or _smeared(values, sample):
        raise DataError(_too_many(values, sample))
    if len(values) < 2:
        example = format_override("mask_values", {0: "background", 255: "foreground"})
        raise DataError(f"{KEY}: {_looked(sample)} hold no two values; say what values mean, for example {example}")
    _check_no_slips(values, sample)
    names = _named(values, sample)
    _check_no_void(values, names, sample)
    _check_no_objects(values, sample)
    colours = {name: _colour(value, sample) for name, value in zip(names, values, strict=True)}
    return _guess(dict(zip(values, names, strict=True)), sample, {n: c for n, c in colours.items() if c is not None})


def _guess(named: Mapping[Value, str], sample: MaskSample, colours: dict[str, Colour]) -> Guess:
    mapping: Named = {key_of_value(value): name for value, name in named.items()}
    words = ", ".join(f"{key} is {name}" for key, name in mapping.items())
    how = f"; {sample.note}" if sample.note else ""
    return Guess(mapping, f"guessed from mask values: {words}; {_looked(sample)}{how}", colours, sample.reading)


def key_of_value(value: Value) -> int | str:
    """A value as a key of ``mask_values``: a number, or ``255 0 0``."""
    return value[0] if len(value) == 1 else " ".join(map(str, value))


def _as_meant(sample: MaskSample, classes: Sequence[str] | None, ignored: Sequence[int | str]) -> MaskSample:
    """Palette masks by their indices where the config speaks of indices, or names as many classes as there are."""
    numbers = any(not parse_key(key)[1] for key in ignored)
    counted = classes is not None and {value[0] for value in sample.indices} <= set(range(len(classes)))
    return (
        replace(sample, counts=sample.indices, is_colour=False) if sample.indices and (numbers or counted) else sample
    )


def as_value(key: int | str, sample: MaskSample) -> Value:
    """A key of the config as a value of masks: a colour where they hold colours."""
    number, is_colour = parse_key(key)
    if is_colour:
        colour = (number >> 16, number >> 8 & 255, number & 255)
        return colour if sample.is_colour else colour[:1]
    return (number,) * 3 if sample.is_colour else (number,)


def _colour(value: Value, sample: MaskSample) -> Colour | None:
    """The colour that masks give a value; grey values have none of their own."""
    found = value if sample.is_colour else sample.index_colours.get(value)
    return (found[0], found[1], found[2]) if found else None


def _named(values: Sequence[Value], sample: MaskSample) -> list[str]:
    """Names of the classes of values."""
    coloured = [_colour(value, sample) for value in values]
    lowest = values[0] == (0,) or coloured[0] == BLACK
    if len(values) == 2 and (lowest or coloured[1] == BLACK):
        return ["background", "foreground"] if lowest else ["foreground", "background"]
    names = [name_colour(colour) if colour else f"class_{i}" for i, colour in enumerate(coloured)]
    return names if len(set(names)) == len(names) else [f"class_{i}" for i in range(len(names))]


def _of_given(values: Sequence[Value], classes: Sequence[str], sample: MaskSample) -> Guess:
    """Values of classes whose names are known: they are their numbers, or as many as there are names."""
    if not sample.is_colour and {value[0] for value in values} <= set(range(len(classes))):
        return _guess({(number,): name for number, name in enumerate(classes)}, sample, {})
    in_order = not sample.is_colour or (len(values) == 2 and values[0] == BLACK)
    if len(values) == len(classes) and in_order:
        return _guess(dict(zip(values, classes, strict=True)), sample, {})
    if len(values) == len(classes):
        problem = "which of their colours is which class is open; put the names in their places"
    else:
        problem = f"they do not fit the {len(classes)} names of datamodule.classes; say what each means"
    names = [*classes, *["ignored"] * len(values)]
    example = {key_of_value(value): name for value, name in zip(values[:MOST], names, strict=False)}
    raise DataError(f"{KEY}: {_looked(sample)}; {problem}: {format_override('mask_values', example)}")


def _check_no_slips(values: Sequence[Value], sample: MaskSample) -> None:
    """A handful of pixels of a further value must not become a class unasked."""
    least = RARE * sum(sample.counts.values())
    rare = [value for value in values if 0 < sample.counts[value] < least]
    rest = [value for value in values if value not in rare]
    if not rare or len(rest) < 2:
        return
    slips = "; ".join(f"{key_of_value(value)}: {sample.counts[value]} pixels {_where(value, sample)}" for value in rare)
    without = {key_of_value(value): name for value, name in zip(rest, _named(rest, sample), strict=True)}
    whole = {key_of_value(value): name for value, name in zip(values, _named(values, sample), strict=True)}
    mistake = f"{format_override('mask_values', without)} {format_override('unknown_values', 'nearest')}"
    raise DataError(
        f"{KEY}: {_looked(sample)}; are these few pixels a class, or a mistake? {slips}. Correct the masks, or add one "
        f"of these lines\n  a mistake: {mistake}\n"
        f"  a class: {format_override('mask_values', whole)}"
    )


def _where(value: Value, sample: MaskSample, most: int = 3) -> str:
    """The masks that hold a value: ``in 5 masks (a.png, b.png, c.png, ...)``."""
    paths = sample.holders.get(value, [])
    names = [*(path.name for path in paths[:most]), *(["..."] if len(paths) > most else [])]
    return f"in {len(paths)} mask{'s' if len(paths) != 1 else ''} ({', '.join(names)})"


def _check_no_void(values: Sequence[Value], names: Sequence[str], sample: MaskSample) -> None:
    """255 beside 0, 1, 2 ... may be a class or what was not labelled; so may the number of missing pixels."""
    number = _open_number(values, sample)
    if number is None:
        return
    why = "it marks missing pixels in these files" if number == sample.nodata else "the others count classes"
    classes = format_override(
        "mask_values", {key_of_value(value): name for value, name in zip(values, names, strict=True)}
    )
    raise DataError(
        f"{KEY}: {_looked(sample)}; is {number} a class, or what was not labelled ({why})? Add one of these lines\n"
        f"  {format_override('ignored', [number])}\n  {classes}"
    )


def _check_no_objects(values: Sequence[Value], sample: MaskSample) -> None:
    """Numbers of objects must not become classes unasked."""
    if are_codes(values, sample):
        why = "these colours are numbers in one channel: are they classes, or do they tell objects apart?"
    elif are_object_numbers(values, sample):
        why = "masks count from 1, and each number is one piece: are they classes, or do they number objects?"
    else:
        return
    keys = [key_of_value(value) for value in values]
    both: Named = {key: "foreground" if place else "background" for place, key in enumerate(keys)}
    objects = f"{format_override('mask_values', both)} {format_override('unknown_values', 'nearest')}"
    classes = format_override("mask_values", {key: f"class_{place}" for place, key in enumerate(keys)})
    raise DataError(
        f"{KEY}: {_looked(sample)}; {why} Add one of these lines\n"
        f"  objects, all of them foreground (those that touch become one): {objects}\n  classes: {classes}"
    )


def _open_number(values: Sequence[Value], sample: MaskSample) -> int | None:
    if sample.is_colour:
        numbers = sorted(value[0] for value, colour in sample.index_colours.items() if colour in values)
    else:
        numbers = sorted(value[0] for value in values)
    if sample.nodata in numbers:
        return sample.nodata
    others = [number for number in numbers if number != IGNORED]
    return IGNORED if IGNORED in numbers and _are_class_numbers(others) else None


def _are_class_numbers(numbers: Sequence[int]) -> bool:
    """Tells whether values seem to count classes and are no tones of grey: in a row, small, or two of them neighbours.

    Masks of few images lack some of the classes: 0, 1, 7, 15 of Pascal VOC, 0, 1, 17, 181 of COCO-Stuff.
    """
    if not numbers or numbers == [0]:
        return False
    in_a_row = numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    neighbours = any(other - one == 1 and other <= SMALL for one, other in itertools.pairwise(numbers))
    return in_a_row or neighbours or (len(numbers) > 1 and numbers[-1] <= SMALL)


def _smeared(values: Sequence[Value], sample: MaskSample) -> bool:
    """Tells whether values seem to come of resizing or JPEG: a few pixels each, between the two that fill the masks."""
    if len(values) < 3 or sample.is_colour:
        return False
    if sample.lossy:
        return True
    often = sorted(values, key=lambda value: -sample.counts[value])
    low, high = sorted(often[:2])
    rare = sum(sample.counts[value] for value in often[2:]) < SMEARED * sum(sample.counts.values())
    in_a_row = values[-1][0] - values[0][0] == len(values) - 1
    return rare and not in_a_row and len(values) > 3 and all(low < value < high for value in often[2:])


def _too_many(values: Sequence[Value], sample: MaskSample) -> str:
    """Advice for masks that hold more values than anyone has classes."""
    ends = _filling(values, sample) or {key_of_value(values[0]): "background", key_of_value(values[-1]): "foreground"}
    nearest = format_override("unknown_values", "nearest")
    smeared = f"{format_override('mask_values', ends)} {nearest}"
    head = f"{KEY}: {_looked(sample)}: these {len(values)} values may not all be classes; {describe_odd_masks(sample)}"
    if sample.lossy:
        cause = (
            "they are JPEG, which smears values: copy them again as PNG, or take the nearest of those that are meant"
        )
        return f"{head}{cause}, for example\n  {smeared}"
    lines = [f"  smeared, the nearest of those that are meant: {smeared}"]
    if not sample.is_colour and values[0] == (0,):
        both = format_override("mask_values", {0: "background", 1: "foreground"})
        objects = f"  numbers of objects, all of them foreground (those that touch become one): {both} {nearest}"
        lines.insert(0 if _numbered(values, sample) else 1, objects)
    dense = _dense(values, sample)
    if len(values) <= MOST or dense:
        whole = {key_of_value(value): f"class_{place}" for place, value in enumerate(values)}
        first = dense and not _numbered(values, sample)
        lines.insert(0 if first else len(lines), f"  if each is a class: {format_override('mask_values', whole)}")
    return "\n".join([f"{head}were they resized, or do they number objects? Add one of these lines", *lines])


def _filling(values: Sequence[Value], sample: MaskSample) -> Named:
    """The few colours that fill masks whose edges are smeared, by name; nothing where it takes many."""
    pixels = sum(sample.counts.values())
    often = sorted(values, key=lambda value: -sample.counts[value])
    filled = itertools.accumulate(sample.counts[value] for value in often)
    count = next(place for place, sum_ in enumerate(filled, 1) if sum_ >= (1 - 2 * SMEARED) * pixels)
    if not 2 < count <= FEW or not sample.is_colour:
        return {}
    filling = sorted(often[:count])
    return {key_of_value(value): name for value, name in zip(filling, _named(filling, sample), strict=True)}


def _dense(values: Sequence[Value], sample: MaskSample) -> bool:
    """Tells whether values may be the numbers of many classes: half of those up to the highest, few of them rare."""
    if sample.is_colour or values[-1][0] >= IGNORED:
        return False
    least = RARE * sum(sample.counts.values())
    rare = sum(sample.counts[value] < least for value in values)
    return 2 * len(values) > values[-1][0] and 3 * rare < len(values)


def _numbered(values: Sequence[Value], sample: MaskSample) -> bool:
    """Tells whether values seem to number objects: most stand in a few masks alone, and 0 fills the rest.

    Smeared edges hold the same values everywhere, and each of them but the two ends is rare.
    """
    others = values[1:]
    shared = sum(len(set(sample.holders.get(value, []))) for value in others) / len(others)
    pixels = sorted(sample.counts[value] for value in others)
    alike = pixels[len(pixels) // 2] * len(pixels) > sum(pixels) / 4
    return alike and (shared < max(2, sample.looked_at / 2) or others[-1][0] > IGNORED or sample.looked_at == 1)


def _looked(sample: MaskSample, most: int = 8) -> str:
    """Says in words which values were found: ``50 of 90 masks that were looked at hold 0 (75 %), 65535 (25 %)``."""
    total = sum(sample.counts.values())
    words = [f"{key_of_value(value)} ({100 * count / total:.3g} %)" for value, count in sample.counts.items()]
    more = f" and {len(words) - most} more" if len(words) > most else ""
    masks = f"the {sample.of} masks" if sample.looked_at == sample.of else f"{sample.looked_at} of {sample.of} masks"
    return f"{masks} that were looked at hold {', '.join(words[:most])}{more}"
