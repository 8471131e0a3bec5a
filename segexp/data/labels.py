"""Maps the values of mask files to class numbers; no value passes unchecked."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from segexp.data.items import Image, Mask
from segexp.errors import DataError


def to_classes(values: Image, mapping: Mapping[int, int], path: Path) -> Mask:
    """Class numbers of a mask file.

    Args:
        values: uint8 (H, W), values as they stand in the file.
        mapping: Class number of each legal value, for example ``{0: 0, 255: 1}``.
        path: The file, for the message.

    Returns:
        uint8 (H, W), class numbers.

    Raises:
        DataError: The file holds a value that maps to no class; the message has the line to write.
    """
    found = np.flatnonzero(np.bincount(values.ravel(), minlength=256))
    illegal = [int(value) for value in found if int(value) not in mapping]
    if illegal:
        shown = ", ".join(map(str, illegal[:10])) + (", ..." if len(illegal) > 10 else "")
        raise DataError(
            f"{path}: mask values {shown} fit no class (legal: {', '.join(map(str, mapping))}); "
            f"if they are meant, say what they are: datamodule.mask_values={_proposal(found)}"
        )
    table = np.zeros(256, dtype=np.uint8)
    for value, number in mapping.items():
        table[value] = number
    return table[values]


def _proposal(found: np.ndarray) -> str:
    """The ``mask_values`` line for what was found: lowest is class 0, the rest class 1."""
    shown = [int(value) for value in found[:4]]
    return "'{" + ",".join(f"{value}:{int(value > shown[0])}" for value in shown) + "}'"
