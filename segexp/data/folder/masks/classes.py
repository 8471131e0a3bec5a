"""Classes of a folder: what the config says of mask values and names, completed by a sample of masks."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from segexp.config.checks.suggest import did_you_mean
from segexp.data.folder.masks.class_table import ClassTable
from segexp.data.folder.masks.guess_classes import Guess, guess_values
from segexp.data.folder.masks.meaning import Value
from segexp.data.folder.masks.named_classes import name_by_tables
from segexp.data.folder.masks.palette import Colour, choose_class_colours, parse_colour
from segexp.data.folder.masks.sample import MaskSample
from segexp.data.labels.label_keys import parse_key
from segexp.data.labels.mask_reading import MaskReading
from segexp.errors import ConfigError
from segexp.spec import IGNORED

KEY = "datamodule.mask_values"
IGNORED_NAME = "ignored"
"""The word for pixels that count nowhere, beside names of classes."""
Named = dict[int | str, int | str]


@dataclass(frozen=True)
class LabelKeys:
    """Keys of the config that speak of classes and mask values.

    Attributes:
        mask_values: Class of each value or colour, by name or number; None: guessed.
        classes: Names in the order of their numbers; None: as they appear in ``mask_values``.
        ignored: Values or colours that count nowhere.
        colours: Colour of each class, by name or in their order; None: chosen.
        reading: Whether values are what files store or what they show.
        complete: Whether each class must have a value; data that is only tested may lack some.
    """

    mask_values: Mapping[int | str, int | str] | None = None
    classes: Sequence[str] | None = None
    ignored: Sequence[int | str] = ()
    colours: Mapping[str, str] | Sequence[str] | None = None
    reading: MaskReading = "auto"
    complete: bool = True


@dataclass(frozen=True)
class Labels:
    """Classes, and what mask values mean.

    Attributes:
        names: Of the classes.
        colours: Of the classes.
        values: Class number, or 255, of each value or colour.
        guessed: Keys that fix what was guessed.
        notes: What was guessed, in words.
        reading: Whether values are what files store or what they show.
    """

    names: tuple[str, ...]
    colours: tuple[Colour, ...]
    values: dict[int | str, int]
    guessed: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    reading: MaskReading = "auto"


def resolve_labels(
    keys: LabelKeys, sample: Callable[[], MaskSample], tables: Callable[[], Sequence[ClassTable]] = tuple
) -> Labels:
    """Settles classes and mask values: by the config, and by a sample of the masks where it says nothing.

    Args:
        keys: Of the config.
        sample: Looks at masks; called only where mask values are not given.
        tables: Finds tables of classes beside them; called only where names are not given either.

    Raises:
        ConfigError: Keys contradict each other.
        DataError: Masks leave open what their values mean; the message has lines to choose from.
    """
    guess = _guess(keys, sample(), tables) if keys.mask_values is None else None
    given: Named = dict(guess.values if guess is not None else keys.mask_values or {})
    for value in keys.ignored:
        if given.get(value, IGNORED_NAME) not in (IGNORED_NAME, IGNORED):
            raise ConfigError(f"datamodule.ignored: {value} is a class in {KEY}; leave it out of one of them")
        given[value] = IGNORED_NAME
    names = _names(given, keys.classes)
    values = {value: _number(entry, names) for value, entry in given.items()}
    absent = [name for number, name in enumerate(names) if number not in values.values()]
    if absent and keys.complete:
        raise ConfigError(
            f"{KEY}: no value stands for {', '.join(absent)}; add one, or leave it out of datamodule.classes"
        )
    chosen = _colours(names, keys.colours, guess.colours if guess else {})
    if guess is None:
        return Labels(names, chosen, values, reading=keys.reading)
    found: dict[str, Any] = {"mask_values": guess.values}
    if guess.reading != keys.reading:
        found["mask_reading"] = guess.reading
    return Labels(names, chosen, values, found, (guess.note,), guess.reading)


def _guess(keys: LabelKeys, sample: MaskSample, tables: Callable[[], Sequence[ClassTable]]) -> Guess:
    """Classes as a table names them, else as the values of masks tell."""
    if keys.classes is not None:
        return guess_values(sample, keys.classes, keys.ignored)
    named, unused = name_by_tables(sample, tables(), keys.ignored)
    if named is not None:
        return named
    guess = guess_values(sample, keys.classes, keys.ignored)
    return replace(guess, note=f"{guess.note}; {unused}") if unused else guess


def covers_values(values: Mapping[int | str, Any], sample: MaskSample) -> bool:
    """Tells whether a mapping has a class for every value of some masks; grey among colours is a value too."""
    known = {parse_key(key) for key in values}
    if sample.indices and all((value[0], False) in known for value in sample.indices):
        return True
    return all(_forms(value) & known for value in sample.counts)


def _forms(value: Value) -> set[tuple[int, bool]]:
    """The keys under which a value may be known."""
    red, green, blue = value if len(value) == 3 else value * 3
    grey = {(red, False)} if red == green == blue else set()
    return grey | ({(red << 16 | green << 8 | blue, True)} if max(value) <= 255 else set())


def _names(given: Named, classes: Sequence[str] | None) -> tuple[str, ...]:
    """Names in the order of their numbers."""
    if classes is None:
        entries = [entry for entry in given.values() if entry not in (IGNORED_NAME, IGNORED)]
        words = list(dict.fromkeys(entry for entry in entries if isinstance(entry, str)))
        numbers = [entry for entry in entries if isinstance(entry, int)]
        if words and numbers:
            raise ConfigError(
                f"{KEY}: found names ({', '.join(words)}) beside numbers ({numbers[0]}), expected names alone, or "
                "datamodule.classes=[...] with the names in the order of their numbers"
            )
        classes = words or [f"class_{number}" for number in range(max(numbers, default=-1) + 1)]
    bad = next((name for name in classes if not name.strip() or "/" in name or name == IGNORED_NAME), None)
    if bad is not None:
        raise ConfigError(f"datamodule.classes: found {bad!r}, expected names without /, other than {IGNORED_NAME!r}")
    if len(set(classes)) < len(classes) or len(classes) < 2:
        raise ConfigError(f"datamodule.classes: found {list(classes)}, expected two or more different names")
    return tuple(classes)


def _number(entry: int | str, names: Sequence[str]) -> int:
    if entry in (IGNORED_NAME, IGNORED):
        return IGNORED
    if isinstance(entry, int):
        if not 0 <= entry < len(names):
            raise ConfigError(
                f"{KEY}: found class {entry}, expected 0..{len(names) - 1}, {IGNORED} for ignored, or a name"
            )
        return entry
    if entry not in names:
        raise ConfigError(f"{KEY}: there is no class {entry!r}.{did_you_mean(entry, [*names, IGNORED_NAME])}")
    return list(names).index(entry)


def _colours(
    names: Sequence[str], given: Mapping[str, str] | Sequence[str] | None, seen: Mapping[str, Colour]
) -> tuple[Colour, ...]:
    """Gives the colour of each class: as given, else that of the masks, else a chosen one."""
    key = "datamodule.colours"
    if given is not None and not isinstance(given, Mapping):
        if len(given) != len(names):
            raise ConfigError(f"{key}: found {len(given)}, expected one for each of {', '.join(names)}")
        given = dict(zip(names, given, strict=True))
    for name in given or {}:
        if name not in names:
            raise ConfigError(f"{key}: there is no class {name!r}.{did_you_mean(name, names)}")
    asked = {name: parse_colour(text, key) for name, text in (given or {}).items()}
    chosen = choose_class_colours(len(names))
    if len(set(seen.values())) == len(names):
        chosen = [seen[name] for name in names]
    return tuple(asked.get(name, colour) for name, colour in zip(names, chosen, strict=True))
