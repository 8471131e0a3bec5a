"""Maps the values of mask files to class numbers; no value passes unchecked."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segexp.data.items import Image, Mask
from segexp.errors import ConfigError, DataError

KEY = "datamodule.mask_values"
MANY = 16
"""More values than this are no classes: a mask that was resized or saved as JPEG."""


def checked_mapping(mapping: Mapping[int, int], classes: int) -> dict[int, int]:
    """The ``mask_values`` of a config.

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
        DataError: The file holds a value that maps to no class; the message has the line to write.
    """
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    illegal = [int(value) for value in found if int(value) not in mapping]
    if illegal:
        shown = ", ".join(map(str, illegal[:10])) + (", ..." if len(illegal) > 10 else "")
        legal = ", ".join(map(str, mapping))
        raise DataError(
            f"{path}: mask values {shown} fit no class (legal: {legal}); {_advice(illegal, mapping, fixed)}"
        )
    table = np.zeros(256, dtype=np.uint8)
    for value, number in mapping.items():
        table[value] = number
    return table[values]


def _advice(illegal: list[int], mapping: Mapping[int, int], fixed: bool) -> str:
    if len(illegal) > MANY:
        return (
            f"{len(illegal)} such values are no classes, was it resized or saved as JPEG? Copy it again from its source"
        )
    if fixed:
        return "copy it again from its source"
    return f"if they are meant, say what they are: {KEY}={_proposal(illegal, mapping)}"


def _proposal(illegal: list[int], mapping: Mapping[int, int]) -> str:
    """The ``mask_values`` line: what is legal stays, further values are class 1, or 0 below all legal ones."""
    lowest = min(mapping, default=0)
    whole = {**mapping, **{value: int(value > lowest) for value in illegal}}
    return "'{" + ",".join(f"{value}:{whole[value]}" for value in sorted(whole)) + "}'"
