"""The number of a checkpoint's format: which version wrote what in segexp's own part of it. No torch.

0   before version 0.1: windows were not known; refused
1   version 0.1.0: names of modules and keys that :mod:`segexp.moved` lists; no number
2   after it: names of today, the target as a block of ``spec``, the names of the images of each part; no number
3   with its number, and the version that wrote it

Whoever changes what stands in that part raises :data:`FORMAT`, adds a line here, and keeps a file of the format before
in ``tests/fixtures/formats``.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from segexp.errors import DataError
from segexp.runs.text import printable, shortened
from segexp.version import VERSION

FORMAT = 3
"""What is written today."""
STAMP: Mapping[str, Any] = {"format": FORMAT, "segexp": VERSION}
"""What every checkpoint, and every exported file of weights, says of itself."""


def format_number(record: Mapping[str, Any]) -> int:
    """Gives the format of segexp's own part of a checkpoint; the first ones had no number.

    Raises:
        ValueError: What is stored as the number is none.
    """
    number = record.get("format")
    if number is None:
        if "split" in record:
            return 2
        config = record.get("config")
        return 1 if isinstance(config, Mapping) and "inference" in config else 0
    if not isinstance(number, int) or isinstance(number, bool) or number < 3:
        raise ValueError(f"its format is {shortened(printable(repr(number)), 40)}, expected a whole number from 3 on")
    return number


def refuse_newer(record: Mapping[str, Any], source: str | Path) -> None:
    """Refuses a checkpoint of a later version, whose entries may mean something else.

    Args:
        record: Segexp's own part of it.
        source: Its file, or key and file, for messages.

    Raises:
        DataError: It is, or its number is none.
    """
    try:
        number = format_number(record)
    except ValueError as error:
        raise DataError(f"{source}: is no checkpoint of segexp ({error})") from error
    if number > FORMAT:
        writer = shortened(printable(str(record.get("segexp", "a later version"))), 40)
        raise DataError(
            f"{source}: found format {number}, written by segexp {writer}; this one, {VERSION}, reads formats up to "
            f"{FORMAT}: pip install --upgrade segexp"
        )
