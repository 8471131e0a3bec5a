"""Masks that number their objects: few enough to look like classes, and yet none."""

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from segexp.data.folder.masks.meaning import Value
from segexp.data.folder.masks.sample import MaskSample, take_evenly
from segexp.errors import DataError
from segexp.rasters import open_raster

LEAST = 4
"""Objects that some mask numbers; organs and their parts are fewer."""
COUNTS = 3
"""Different numbers of objects: masks of classes hold the same ones, or leave some out."""
MASKS = 8
"""Masks whose objects are looked at."""
WHOLE = 0.9
"""Share of the numbers that stand for one piece each."""
CODES = 63
"""Numbers in one channel of a colour up to this are codes, no colours for the eye."""


def are_object_numbers(values: Sequence[Value], sample: MaskSample) -> bool:
    """Tells whether every mask counts from 1 without a gap, to different ends, and each number is one piece."""
    numbers = [value[0] for value in values]
    if sample.is_colour or sample.indices or numbers != list(range(len(numbers))):
        return False
    held: dict[Path, set[int]] = defaultdict(set)
    for value, paths in sample.holders.items():
        for path in paths:
            held[path].add(value[0])
    ends = {path: max(own) for path, own in held.items()}
    counted = all(own | {0} == set(range(ends[path] + 1)) for path, own in held.items())
    if not (held and counted) or max(ends.values()) < LEAST or len(set(ends.values()) - {0}) < COUNTS:
        return False
    return _are_whole(take_evenly(sorted(path for path, end in ends.items() if end > 1), MASKS))


def _are_whole(paths: Sequence[Path]) -> bool:
    pieces = [count for path in paths for count in _pieces(path)]
    return bool(pieces) and sum(count == 1 for count in pieces) >= WHOLE * len(pieces)


def _pieces(path: Path) -> list[int]:
    """How many connected pieces each number of a mask has."""
    try:
        raster = open_raster(path, raw=True)
        mask = raster.window(0, 0, raster.height, raster.width)[..., 0]
    except DataError:
        return []
    numbers = [number for number in np.unique(mask) if number]
    return [cv2.connectedComponents((mask == number).view(np.uint8))[0] - 1 for number in numbers]


def are_codes(values: Sequence[Value], sample: MaskSample) -> bool:
    """Tells whether colours are small numbers in one channel: nearly black for the eye, as of BBBC039."""
    channels = [place for place in range(3) if any(value[place] for value in values)] if sample.is_colour else []
    return len(channels) == 1 and len(values) > 2 and max(map(max, values)) <= CODES
