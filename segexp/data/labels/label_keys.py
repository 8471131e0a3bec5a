"""What may stand in ``mask_values``: numbers and colours, and the line that proposes it."""

import re
from collections.abc import Iterable, Mapping, Sequence

from segexp.config.overrides.quoting import hydra_override, shell_word
from segexp.errors import ConfigError
from segexp.spec import IGNORED

KEY = "datamodule.mask_values"
HIGHEST = 65535
Values = Mapping[int, int] | Mapping[str, int] | Mapping[int | str, int]
"""Class number of each value or colour: keys of a mapping are of one exact type to mypy."""
_COLOUR = re.compile(r"(\d+)[\s,]+(\d+)[\s,]+(\d+)")
_HEX = re.compile(r"#([0-9a-fA-F]{6})")
_FORMS = "a value of 0..65535 or a colour as '255 0 0', '255,0,0' or '#ff0000'"


def parse_values(values: Values, classes: int) -> tuple[dict[int, int], dict[int, int]]:
    """Classes by value and by colour.

    Args:
        values: Class number, or 255 for ignored, of each value or colour.
        classes: Number of classes.

    Returns:
        Two mappings: of values, and of colours packed as 0xRRGGBB.

    Raises:
        ConfigError: A key is neither, is there twice, or a class number does not exist.
    """
    numbers: dict[int, int] = {}
    colours: dict[int, int] = {}
    if not values:
        raise ConfigError(f"{KEY}: found nothing, expected {_FORMS} for each class")
    for key, number in values.items():
        if isinstance(number, bool) or not isinstance(number, int) or not (0 <= number < classes or number == IGNORED):
            raise ConfigError(
                f"{KEY}: found {key}:{number}, expected a class of 0..{classes - 1}, or {IGNORED} for ignored"
            )
        value, is_colour = parse_key(key)
        target = colours if is_colour else numbers
        if target.setdefault(value, number) != number:
            raise ConfigError(
                f"{KEY}: {format_key(value, is_colour)} is there twice, as {target[value]} and as {number}"
            )
    return numbers, colours


def parse_key(key: int | str) -> tuple[int, bool]:
    """The value, or the packed colour, of a key; and whether it is a colour."""
    if isinstance(key, int) and not isinstance(key, bool) and 0 <= key <= HIGHEST:
        return key, False
    text = str(key).strip()
    if isinstance(key, str) and text.isdecimal() and int(text) <= HIGHEST:
        return int(text), False
    if hexadecimal := _HEX.fullmatch(text):
        return int(hexadecimal[1], 16), True
    triple = _COLOUR.fullmatch(text.strip("()[]"))
    if triple and all(int(part) <= 255 for part in triple.groups()):
        red, green, blue = (int(part) for part in triple.groups())
        return red << 16 | green << 8 | blue, True
    raise ConfigError(f"{KEY}: found the key {key!r}, expected {_FORMS}")


def format_key(value: int, is_colour: bool) -> str:
    """A value or colour as the command line takes it: Hydra's grammar knows no # and no quotes in keys."""
    return f"{value >> 16} {value >> 8 & 255} {value & 255}" if is_colour else str(value)


def list_keys(values: Iterable[int], is_colour: bool, most: int = 10) -> str:
    """The first few, in words."""
    all_of_them = list(values)
    words = ", ".join(format_key(value, is_colour) for value in all_of_them[:most])
    return words + (", ..." if len(all_of_them) > most else "")


def propose_line(illegal: Iterable[int], mapping: Mapping[int, int], classes: int, is_colour: bool) -> str:
    """The ``mask_values`` line that makes all found values legal.

    What is legal stays; further values are the classes that have none yet, then class 1, or 0 below all legal ones.
    """
    lowest = min(mapping, default=0)
    free = [number for number in range(classes) if number not in mapping.values()]
    whole = dict(mapping)
    for value in illegal:
        whole[value] = free.pop(0) if free else min(int(value > lowest), classes - 1)
    return "'{" + ",".join(f"{format_key(value, is_colour)}:{whole[value]}" for value in sorted(whole)) + "}'"


def propose_named_line(
    illegal: Iterable[int], mapping: Mapping[int, int], names: Sequence[str], is_colour: bool
) -> str:
    """The ``mask_values`` line that makes each found value a class of its own, by the names of the classes.

    Classes that no value stands for come first: a model that is tested on other data knows no further ones.
    """
    known = {value: "ignored" if number == IGNORED else names[number] for value, number in mapping.items()}
    found = sorted(illegal)
    new = [name for number, name in enumerate(names) if number not in mapping.values()]
    new += [f"class_{number}" for number in range(len(names), len(names) + len(found))]
    known |= dict(zip(found, new, strict=False))
    # Names may hold anything: as Hydra reads a text, and then as a shell reads a word.
    texts = {value: hydra_override("", name).removeprefix("=") for value, name in known.items()}
    return shell_word("{" + ",".join(f"{format_key(value, is_colour)}:{texts[value]}" for value in sorted(known)) + "}")
