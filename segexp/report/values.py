"""Numbers, times and names as text, the same in the terminal and in the report."""

import math
from collections.abc import Mapping
from typing import Any

from segexp.runs.entries import text_of

ABSENT = "-"
"""Stands for a value that is undefined or was not measured."""


def measure(value: object, digits: int = 4) -> str:
    """A measure with ``digits`` decimals, or ``-`` where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ABSENT
    return f"{value:.{digits}f}"


def with_interval(value: object, interval: object, digits: int = 4, of_interval: int = 3) -> str:
    """A measure with its interval, ``0.8231 [0.801, 0.842]``; alone where the interval is no pair of numbers."""
    text = measure(value, digits)
    if text == ABSENT or not isinstance(interval, list) or len(interval) != 2:
        return text
    low, high = (measure(end, of_interval) for end in interval)
    return text if ABSENT in (low, high) else f"{text} [{low}, {high}]"


def count(value: object) -> str:
    """A count with separators of thousands, or ``-`` where it is no number."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else ABSENT


def amount(value: float) -> str:
    """A count in few letters: ``950``, ``29.5k``, ``1.2M``."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.4g}"


def duration(seconds: object) -> str:
    """Seconds (s) as for example ``2 h 05 min``, ``3 min 07 s`` or ``4.2 s``; ``-`` where not a number."""
    if measure(seconds) == ABSENT or not isinstance(seconds, int | float):
        return ABSENT
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def plain(value: object) -> str:
    """Any value of a JSON file on one line."""
    match value:
        case None:
            return ABSENT
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}" if abs(value) >= 10_000 else str(value)
        case float():
            return f"{value:.6g}"
        case list():
            return ", ".join(plain(item) for item in value) or ABSENT
        case _:
            return str(value)


def flat(tree: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested mappings as (dotted key, text) pairs in their order."""
    pairs: list[tuple[str, str]] = []
    for key, value in tree.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            pairs += flat(value, f"{name}.")
        else:
            pairs.append((name, plain(value)))
    return pairs


def epoch(number: object) -> str:
    """An epoch of the files, which count from 0, as it is shown everywhere: from 1."""
    return text_of(number + 1) if isinstance(number, int) else text_of(number)
