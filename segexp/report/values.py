"""Numbers, times and names as text, the same in the terminal and in the report."""

import math
from collections.abc import Mapping
from typing import Any

from segexp.config.nested import flatten
from segexp.runs.entries import to_text

ABSENT = "-"
"""Stands for a value that is undefined or was not measured."""
MOST_DIGITS = 7
"""Decimals of an interval at most."""


def format_measure(value: object, digits: int = 4) -> str:
    """A measure with ``digits`` decimals, or ``-`` where it is no finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return ABSENT
    return f"{value:.{digits}f}"


def digits_of_interval(interval: object, digits: int = 4) -> int:
    """Decimals for a figure and both ends of its interval: ``digits``, or more where ends that differ look equal."""
    ends = interval if isinstance(interval, list | tuple) and len(interval) == 2 else ()
    if not ends or ABSENT in map(format_measure, ends) or ends[0] == ends[1]:
        return digits
    enough = (more for more in range(digits, MOST_DIGITS) if f"{ends[0]:.{more}f}" != f"{ends[1]:.{more}f}")
    return next(enough, max(digits, MOST_DIGITS))


def format_with_interval(value: object, interval: object, digits: int = 4) -> str:
    """A measure with its interval, ``0.8231 [0.8013, 0.8424]``; alone where the interval is no pair of numbers.

    All three have as many decimals, so that an interval that contains its figure is seen to.
    """
    text = format_measure(value, digits)
    if text == ABSENT or not isinstance(interval, list) or len(interval) != 2:
        return text
    digits = digits_of_interval(interval, digits)
    low, high = (format_measure(end, digits) for end in interval)
    return text if ABSENT in (low, high) else f"{format_measure(value, digits)} [{low}, {high}]"


def format_count(value: object) -> str:
    """A count with separators of thousands, or ``-`` where it is no number."""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else ABSENT


def format_amount(value: float) -> str:
    """A count in few letters: ``950``, ``29.5k``, ``1.2M``."""
    for limit, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= limit:
            return f"{value / limit:.3g}{letter}"
    return f"{value:.4g}"


def format_duration(seconds: object) -> str:
    """Seconds (s) as for example ``2 h 05 min``, ``3 min 07 s`` or ``4.2 s``; ``-`` where not a number."""
    if format_measure(seconds) == ABSENT or not isinstance(seconds, int | float):
        return ABSENT
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"


def format_plain(value: object) -> str:
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
            return ", ".join(format_plain(item) for item in value) or ABSENT
        case _:
            return str(value)


def flatten_as_text(tree: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Gives nested mappings as (dotted key, text) pairs in their order."""
    return [(key, format_plain(value)) for key, value in flatten(tree)]


def format_epoch(number: object) -> str:
    """An epoch of the files, which count from 0, as it is shown everywhere: from 1."""
    return to_text(number + 1) if isinstance(number, int) else to_text(number)
