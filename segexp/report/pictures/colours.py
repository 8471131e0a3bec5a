"""Whether colours can be told apart, by people with any colour vision, and colours that keep clear of others."""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Array = NDArray[np.float64]

APART = 0.12
"""Least distance of two colours that mean different things, in OKLab; from white to black it is 1."""

NEAR = 0.08
"""The same for wrong pixels of many classes, whose colours shall resemble their class too."""
BRIGHT = 204
"""Of the brightest of red, green and blue, from which on a colour stands out on black."""

# Machado, Oliveira, Fernandes 2009: the linear RGB that people without red, green or blue cones see alike.
_VISIONS: tuple[Sequence[Sequence[float]], ...] = (
    ((1, 0, 0), (0, 1, 0), (0, 0, 1)),
    ((0.152286, 1.052583, -0.204868), (0.114503, 0.786281, 0.099216), (-0.003882, -0.048116, 1.051998)),
    ((0.367322, 0.860646, -0.227968), (0.280085, 0.672501, 0.047413), (-0.011820, 0.042940, 0.968881)),
    ((1.255528, -0.076749, -0.178779), (-0.078411, 0.930809, 0.147602), (0.004733, 0.691367, 0.303900)),
)
# Ottosson 2020: to the responses of cones, and of their cube roots to lightness and two opponent colours.
_CONES = ((0.4122214708, 0.5363325363, 0.0514459929), (0.2119034982, 0.6806995451, 0.1073969566),
          (0.0883024619, 0.2817188376, 0.6299787005))  # fmt: skip
_OPPONENT = ((0.2104542553, 0.7936177850, -0.0040720468), (1.9779984951, -2.4285922050, 0.4505937099),
             (0.0259040371, 0.7827717662, -0.8086757660))  # fmt: skip


def to_oklab(colours: Sequence[Colour]) -> Array:
    """OKLab (V, N, 3) of N colours, as V kinds of colour vision see them, the usual one first."""
    share = np.asarray(colours, np.float64).reshape(-1, 3) / 255
    linear = np.where(share <= 0.04045, share / 12.92, ((share + 0.055) / 1.055) ** 2.4)
    kinds = np.stack([np.clip(linear @ np.asarray(vision).T, 0, 1) for vision in _VISIONS])
    return np.asarray(np.cbrt(kinds @ np.asarray(_CONES).T) @ np.asarray(_OPPONENT).T)


def colour_distances(some: Sequence[Colour], others: Sequence[Colour]) -> Array:
    """(N, M) distances of N colours to M others, for whoever sees them least apart."""
    one, other = to_oklab(some), to_oklab(others)
    return np.asarray(np.linalg.norm(one[:, :, None] - other[:, None], axis=3).min(axis=0))


def clearance(colour: Colour, others: Sequence[Colour]) -> float:
    """Distance to the nearest of others; 1 where there are none."""
    return float(colour_distances([colour], others).min()) if others else 1.0


def pick_clear_colour(wanted: Sequence[Colour], others: Sequence[Colour], least: float = APART) -> Colour:
    """The first of some wanted colours that keeps clear of others, else of all colours the one that does so most."""
    for colour in wanted:
        if clearance(colour, others) >= least:
            return colour
    found = colour_distances(bright_colours(), others).min(axis=1)
    return bright_colours()[int(found.argmax())]


@cache
def bright_colours() -> tuple[Colour, ...]:
    """A grid of all bright colours: dark ones are not seen on a dark background."""
    levels = range(0, 256, 51)
    grid = ((red, green, blue) for red in levels for green in levels for blue in levels)
    return tuple(colour for colour in grid if max(colour) >= BRIGHT)
