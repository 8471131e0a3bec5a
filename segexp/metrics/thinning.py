"""Thinning of wide things in a time that goes with their area, not with area times width."""

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.metrics.regions import Mask

Places = NDArray[np.int32]
"""Pixels as places in a flattened image, of fewer than 2**31 pixels."""


def thinned(mask: Mask) -> Mask:
    """Centrelines one pixel wide, bool (H, W).

    Guo & Hall 1989, "Parallel thinning with two-subiteration algorithms", the conditions as in Lam, Lee & Suen 1992,
    section IV-B: what ``skimage.morphology.thin`` gives, to the pixel. A layer goes per step, and of each step only
    pixels are looked at beside which one went in the last two half steps: the others would stay as they did before.
    """
    padded = np.pad(mask, 1)
    flat, columns = padded.reshape(-1), padded.shape[1]  # a view: what goes there goes in both
    around = np.array([1, 1 - columns, -columns, -1 - columns, -1, columns - 1, columns, columns + 1], np.int32)
    seen = np.zeros(flat.size, np.int32)
    edge = padded & (cv2.erode(padded.view(np.uint8), np.ones((3, 3), np.uint8)) == 0)
    candidates = before = np.flatnonzero(edge).astype(np.int32)
    number = 0
    while candidates.size:
        number += 1
        gone = candidates[TABLES[number % 2][_codes(flat, candidates, around)]]
        flat[gone] = False
        beside = _beside(flat, gone, around, seen, number)
        candidates = np.concatenate([beside, before[flat[before] & (seen[before] != number)]])
        before = beside
    return padded[1:-1, 1:-1]


def _codes(flat: Mask, places: Places, around: Places) -> NDArray[np.uint8]:
    """Which of the eight neighbours are of the mask, a bit each, counterclockwise from the right."""
    codes = np.zeros(places.size, np.uint8)
    for bit, step in enumerate(around):
        codes |= flat[places + step].view(np.uint8) << np.uint8(bit)
    return codes


def _beside(flat: Mask, gone: Places, around: Places, seen: NDArray[np.int32], number: int) -> Places:
    """Pixels of the mask beside those that went, each once: ``seen`` is marked with the number of the half step."""
    found = []
    for step in around:
        new = gone + step
        new = new[flat[new] & (seen[new] != number)]
        seen[new] = number
        found.append(new)
    return np.concatenate(found)


def _table(first: bool) -> Mask:
    """Whether a pixel goes, by the code of its neighbours x1 (right) to x8, counterclockwise."""
    x = (np.arange(256)[:, None] >> np.arange(8) & 1).astype(bool)
    odd, even, next_odd = x[:, 0::2], x[:, 1::2], np.roll(x[:, 0::2], -1, axis=1)
    crossings = (~odd & (even | next_odd)).sum(axis=1)
    neighbours = np.minimum((odd | even).sum(axis=1), (even | next_odd).sum(axis=1))
    one, two, three, eight = (x[:, k] for k in ((0, 1, 2, 7) if first else (4, 5, 6, 3)))
    side = (two | three | ~eight) & one
    goes: Mask = (crossings == 1) & (neighbours >= 2) & (neighbours <= 3) & ~side
    return goes


TABLES = _table(first=False), _table(first=True)
"""For even and odd half steps, counted from 1."""
