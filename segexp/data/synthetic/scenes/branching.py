"""Branching, tapering trees of curves: the geometry of retinal vessels, in radii of the retina."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

STEP = 0.025
"""Distance of two points of a curve."""

_MOST_BRANCHES = 220
"""Bound on the work for one image; typical trees have half as many."""


@dataclass(frozen=True)
class Branch:
    """One curve.

    Attributes:
        points: (N, 2), x and y, in radii from the centre of the retina.
        widths: (N,), falling, in radii.
        vein: Veins are darker and wider than arteries.
    """

    points: Points
    widths: NDArray[np.float64]
    vein: bool


@dataclass(frozen=True)
class Sprout:
    """Where a branch begins and how it will grow: headings in radians, bend in radians per radius."""

    start: Points
    heading: float
    bend: float
    width: float
    length: float
    vein: bool
    generation: int = 0


def _grow(rng: np.random.Generator, sprout: Sprout) -> Branch:
    steps = max(4, int(sprout.length / STEP))
    along = np.arange(steps) * STEP
    heading = sprout.heading + sprout.bend * along
    for frequency, amplitude in ((3.0, 0.24), (9.0, 0.17), (24.0, 0.12)):
        phase = rng.uniform(0, 2 * np.pi)
        # less its value at the start, so that a branch leaves its parent at the angle that was asked for
        wave = np.sin(frequency * rng.uniform(0.8, 1.2) * along + phase) - np.sin(phase)
        heading = heading + amplitude * rng.uniform(0.5, 1.5) * wave
    moves = STEP * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    points = sprout.start + np.cumsum(moves, axis=0) - moves[0]
    inside = np.hypot(points[:, 0], points[:, 1]) < 1.02
    end = max(2, steps if inside.all() else int(np.argmin(inside)))
    taper = 1 - 0.55 * along[:end] / max(sprout.length, STEP)
    return Branch(points[:end], np.asarray(sprout.width * taper, np.float64), sprout.vein)


def _children(rng: np.random.Generator, branch: Branch, generation: int) -> list[Sprout]:
    """Side branches at random distances, to both sides in turn."""
    found: list[Sprout] = []
    spacing = 0.3 + 0.05 * generation
    place = rng.uniform(0.6, 1.4) * spacing
    side = 1.0 if rng.random() < 0.5 else -1.0
    while place < STEP * (len(branch.points) - 3):
        at = int(place / STEP)
        ahead = branch.points[at + 1] - branch.points[at]
        angle = float(np.arctan2(ahead[1], ahead[0])) + side * rng.uniform(0.5, 1.1)
        width = float(branch.widths[at]) * rng.uniform(0.45, 0.8)
        length = rng.uniform(0.3, 0.75) * 0.8**generation
        # a child turns back towards the course of its parent
        bend = -side * rng.uniform(0.0, 1.2)
        found.append(Sprout(branch.points[at], angle, bend, width, length, branch.vein, generation + 1))
        place += spacing * rng.uniform(0.6, 1.8)
        side = -side if rng.random() < 0.75 else side
    return found


def _trunks(rng: np.random.Generator, disc: Points, inward: float, width: float) -> list[Sprout]:
    """The arcades around the macula, the nasal vessels, and a few thin ones that leave the disc anywhere.

    ``inward`` is the heading from the disc to the macula.
    """
    sprouts: list[Sprout] = []
    for up in (-1.0, 1.0):
        for vein in (True, False):
            thick = width * rng.uniform(0.85, 1.1) * (1.0 if vein else 0.75)
            start = disc + rng.normal(0, 0.045, 2)
            arc = inward + up * rng.uniform(1.15, 1.5)
            sprouts.append(Sprout(start, arc, -up * rng.uniform(0.7, 1.15), thick, 2.2, vein))
            nasal = inward + up * rng.uniform(1.9, 2.7)
            sprouts.append(Sprout(start, nasal, up * rng.uniform(-0.3, 0.6), thick * 0.7, 0.9, vein))
    for _ in range(int(rng.integers(2, 5))):
        thin = width * rng.uniform(0.25, 0.45)
        anywhere = inward + rng.uniform(-1.2, 1.2)
        start = disc + rng.normal(0, 0.06, 2)
        sprouts.append(Sprout(start, anywhere, rng.uniform(-0.5, 0.5), thin, rng.uniform(0.4, 0.7), False))
    return sprouts


def vessel_tree(rng: np.random.Generator, disc: Points, inward: float, width: float, finest: float) -> list[Branch]:
    """Grow all vessels of a retina.

    Args:
        rng: Source of randomness.
        disc: (2,), centre of the optic disc, in radii.
        inward: Heading from the disc to the macula, radians.
        width: Width of a trunk, in radii.
        finest: Width below which nothing branches off; no branch is drawn thinner.

    Returns:
        Branches, the thinnest first, so that wide ones are drawn over narrow ones.
    """
    waiting = _trunks(rng, disc, inward, width)
    grown: list[Branch] = []
    while waiting and len(grown) < _MOST_BRANCHES:
        sprout = waiting.pop(0)
        branch = _grow(rng, sprout)
        grown.append(Branch(branch.points, np.maximum(branch.widths, finest), branch.vein))
        if sprout.generation < 4 and sprout.width > finest:
            waiting.extend(_children(rng, branch, sprout.generation))
    return sorted(grown, key=lambda branch: float(branch.widths[0]))
