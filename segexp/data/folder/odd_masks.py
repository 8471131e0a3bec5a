"""Which masks hold values that most others do not: resized ones, slips of the pen."""

from pathlib import Path

from segexp.data.folder.mask_meaning import Value
from segexp.data.folder.mask_sample import MaskSample

SHOWN = 8
"""Masks that are named, and values of one that are written out."""


def describe_odd_masks(sample: MaskSample) -> str:
    """The masks that are unlike most, in words before a further question; empty where the masks are all of a kind."""
    common = [value for value, paths in sample.holders.items() if 2 * len(set(paths)) > sample.looked_at]
    others: dict[Path, list[Value]] = {}
    for value, paths in sorted(sample.holders.items()):
        for path in paths if value not in common else ():
            others.setdefault(path, []).append(value)
    if len(common) < 2 or not 0 < 2 * len(others) < sample.looked_at:
        return ""
    named = [f"{path.name} ({_told(values)})" for path, values in sorted(others.items())]
    more = f" and {len(named) - SHOWN} more" if len(named) > SHOWN else ""
    clean = sample.looked_at - len(others)
    usual = ", ".join(map(_word, sorted(common)))
    odd = f"{', '.join(named[:SHOWN])}{more}"
    return f"{clean} of the {sample.looked_at} masks hold {usual} alone; unlike them are {odd}: are these mistakes? "


def _told(values: list[Value]) -> str:
    return ", ".join(map(_word, values)) if len(values) <= SHOWN else f"{len(values)} other values"


def _word(value: Value) -> str:
    return " ".join(map(str, value))
