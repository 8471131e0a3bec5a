"""The plan of a town: streets in a turned grid, blocks between them, and what stands in each block.

All lengths are pixels of a full-scale image; the town turns, scales and moves them into the image.
"""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.canvas import rotate, unit_vector
from segexp.data.synthetic.scenes.scene import Colour, Points, Shape, to_colour

_ROOFS: tuple[Colour, ...] = (
    (150, 148, 146), (92, 92, 96), (146, 122, 100), (164, 92, 70), (222, 222, 220), (190, 174, 148), (122, 104, 92),
    (118, 128, 140),
)  # fmt: skip
"""Greys, browns, tile red, white, beige, slate."""
_CONCRETE: tuple[Colour, ...] = ((188, 182, 170), (150, 148, 144), (205, 192, 170))
_ASPHALT: tuple[Colour, ...] = ((120, 120, 120), (178, 174, 166), (88, 90, 94), (196, 180, 156))
_EARTH: tuple[Colour, ...] = ((176, 150, 118), (150, 92, 72), (112, 126, 70), (196, 184, 160))
_BAY_EDGE = np.array([[-3.2, -5.5], [-3.2, 5.5]])
"""The painted line beside a parked car."""

TALLEST = 24.0
"""How far the longest shadow or half a tree reaches beyond what throws it."""


@dataclass(frozen=True)
class Box:
    """A turned rectangle: centre (2,), half sides, angle in radians."""

    centre: Points
    half: tuple[float, float]
    angle: float

    def corners(self) -> Points:
        """Corners (4, 2) in order."""
        a, b = self.half
        return np.asarray(self.centre + rotate(np.array([(-a, -b), (a, -b), (a, b), (-a, b)]), self.angle))


@dataclass(frozen=True)
class House:
    """A building.

    Attributes:
        parts: Boxes whose union is the footprint, the main one first.
        style: ``gable``, ``hip`` or ``flat``.
        colour: Of the roof.
        height: Length of the shadow in full-scale pixels.
    """

    parts: tuple[Box, ...]
    style: str
    colour: Colour
    height: float

    def reach(self) -> float:
        """Distance from the centre of the main part that building and shadow keep within, full-scale pixels."""
        middle = self.parts[0].centre
        return self.height + max(float(np.hypot(*(part.centre - middle)) + np.hypot(*part.half)) for part in self.parts)


@dataclass(frozen=True)
class Street:
    """A straight street: ends (2, 2), width, and whether it has a dashed middle line."""

    ends: Points
    width: float
    marked: bool


@dataclass(frozen=True)
class Pad:
    """A flat patch of ground; ``lines`` are painted on it, ``round`` widens it by a circle."""

    box: Box
    colour: Colour
    rough: int = 6
    lines: tuple[Points, ...] = ()
    round: bool = False


@dataclass
class Town:
    """Everything to draw in an image of ``shape`` (H, W), where the plan is turned by ``angle`` and scaled.

    ``sun`` (2,) is the direction in which shadows fall, in image coordinates; trees have a place and a radius.
    """

    shape: Shape
    angle: float
    scale: float
    sun: Points
    streets: list[Street] = field(default_factory=list)
    pads: list[Pad] = field(default_factory=list)
    houses: list[House] = field(default_factory=list)
    cars: list[Box] = field(default_factory=list)
    trees: list[tuple[Points, float]] = field(default_factory=list)

    def pixels(self, points: Points) -> Points:
        """Points (N, 2) or (2,) of the plan in image coordinates; the origin lies in the middle."""
        middle = np.array([self.shape[1] - 1, self.shape[0] - 1]) / 2
        return np.asarray(middle + self.scale * rotate(points, self.angle))

    def sees(self, places: Points, reach: float) -> NDArray[np.bool_]:
        """Tells which places (N, 2) of the plan have the image within ``reach``, bool (N,)."""
        pixels, margin = self.pixels(places), reach * self.scale
        limits = np.array(self.shape[::-1]) + margin
        return np.asarray(((pixels > -margin) & (pixels < limits)).all(axis=-1))


@dataclass(frozen=True)
class _Block:
    """The rectangle between four streets."""

    left: float
    top: float
    right: float
    bottom: float

    @property
    def centre(self) -> Points:
        return np.array([(self.left + self.right) / 2, (self.top + self.bottom) / 2])

    @property
    def sides(self) -> tuple[float, float]:
        return self.right - self.left, self.bottom - self.top


def _pick_colour(rng: np.random.Generator, palette: tuple[Colour, ...] = _ROOFS) -> Colour:
    """Any colour of a palette, with a common change of brightness and a small one per channel."""
    colour = palette[int(rng.integers(len(palette)))]
    return to_colour(np.array(colour) * rng.uniform(0.86, 1.12) + rng.normal(0, 4, 3), 20, 245)


def _place_streets(rng: np.random.Generator, reach: float, low: float, high: float) -> list[float]:
    """Places of parallel streets that cover -reach..reach."""
    places = [-reach - rng.uniform(0, high)]
    while places[-1] < reach:
        places.append(places[-1] + rng.uniform(low, high))
    return places


def _plant(rng: np.random.Generator, town: Town, block: _Block, density: float, clear: float) -> None:
    """Trees anywhere in a block that keep off the middle of houses (roofs are drawn above the crowns)."""
    width, depth = block.sides
    homes = np.array([house.parts[0].centre for house in town.houses[-40:]]).reshape(-1, 2)
    number = int(rng.poisson(density * width * depth / 1000))
    places = block.centre + rng.uniform(-0.5, 0.5, (number, 2)) * (width, depth)
    away = np.hypot(*(places[:, None] - homes[None]).transpose(2, 0, 1)).min(axis=1, initial=np.inf)
    kept = (away > clear) & town.sees(places, TALLEST)
    town.trees.extend((place, float(rng.uniform(5, 12))) for place in places[kept])


def _cottage(rng: np.random.Generator, centre: Points, half: tuple[float, float], angle: float) -> House:
    """A house of one to three wings with a pitched or flat roof."""
    parts = [Box(centre, half, angle)]
    if rng.random() < 0.45:
        wing = (half[1] * rng.uniform(0.45, 0.65), half[1] * rng.uniform(0.8, 1.1))
        offset = np.array([(half[0] - wing[0]) * rng.choice((-1, 1)), half[1] * 0.7 * rng.choice((-1, 1))])
        parts.append(Box(centre + rotate(offset, angle), wing, angle))
    style = str(rng.choice(("gable", "gable", "hip", "flat")))
    return House(tuple(parts), style, _pick_colour(rng), rng.uniform(5, 10))


def _street_of_houses(rng: np.random.Generator, town: Town, block: _Block) -> None:
    """Two rows of lots back to back: house, drive and, here and there, a garage, a patio or a pool."""
    lot = rng.uniform(31, 44)
    tilt = rng.normal(0, 0.04) if rng.random() < 0.7 else rng.uniform(-0.5, 0.5)
    for side in (-1.0, 1.0):
        place = block.left + 0.5 * lot + rng.uniform(0, 6)
        while place < block.right - 0.35 * lot:
            half = (0.5 * lot * rng.uniform(0.62, 0.86), rng.uniform(11, 17))
            edge = block.centre[1] + side * (block.sides[1] / 2 - half[1] - rng.uniform(4, 12))
            centre = np.array([place, edge])
            if rng.random() < 0.94:
                town.houses.append(_cottage(rng, centre, half, tilt + rng.normal(0, 0.03)))
            _yard(rng, town, centre, half, side, block)
            place += lot * rng.uniform(0.95, 1.15)


def _yard(
    rng: np.random.Generator, town: Town, centre: Points, half: tuple[float, float], side: float, block: _Block
) -> None:
    """Lays out the yard of a house: the drive to the street, and a shed, a patio or a pool behind it."""
    pale = _pick_colour(rng, _CONCRETE)
    street = block.centre[1] + side * (block.sides[1] / 2)
    if rng.random() < 0.7:
        x = centre[0] + rng.uniform(0.3, 0.9) * half[0] * rng.choice((-1, 1))
        drive = Box(np.array([x, (street + centre[1]) / 2]), (3.8, abs(street - centre[1]) / 2 + 2), 0.0)
        town.pads.append(Pad(drive, pale))
        if rng.random() < 0.4:
            town.cars.append(Box(np.array([x, street - side * 7]), (4.6, 2.1), np.pi / 2))
    behind = np.array([centre[0] + rng.uniform(-8, 8), centre[1] - side * (half[1] + rng.uniform(11, 18))])
    chance, size = rng.random(), (rng.uniform(5, 9), rng.uniform(5, 8))
    if chance < 0.3:
        colour = _pick_colour(rng)
        town.houses.append(House((Box(behind, size, rng.normal(0, 0.05)),), "gable", colour, 4.0))
    elif chance < 0.65:
        colour = _pick_colour(rng)
        town.pads.append(Pad(Box(behind, (size[0] * 1.3, size[1]), rng.normal(0, 0.1)), colour, 7))
    elif chance < 0.72:
        town.pads.append(Pad(Box(behind, (6, 3.4), rng.uniform(0, 3)), (70, 170, 205), 3, round=True))


def _hall(rng: np.random.Generator, town: Town, block: _Block) -> None:
    """One large flat or pitched building of up to three wings beside its car park."""
    width, depth = block.sides
    share = rng.uniform(0.35, 0.5)
    middle = block.centre - (width * (0.5 - share / 2) - 3, 0)
    half = np.array([width * share / 2 - 5, depth / 2 - rng.uniform(7, 14)])
    bar = rng.uniform(0.38, 0.6)
    parts = [Box(middle - (0, half[1] * (1 - bar)), (half[0], half[1] * bar), 0.0)]
    for sign in (-1, 1):
        if rng.random() < 0.6:
            end = middle + np.array([sign * half[0] * (1 - bar * 0.7), 0])
            parts.append(Box(end, (half[0] * bar * 0.7, half[1]), 0.0))
    style = "flat" if rng.random() < 0.7 else "gable"
    town.houses.append(House(tuple(parts), style, _pick_colour(rng), rng.uniform(9, 16)))
    lot = Box(block.centre + np.array([width * share / 2 + 2, 0]), (width * (1 - share) / 2 - 5, depth / 2 - 5), 0.0)
    _car_park(rng, town, lot)


def _car_park(rng: np.random.Generator, town: Town, lot: Box) -> None:
    """Rows of marked bays on asphalt or concrete, half of them taken."""
    colour = _pick_colour(rng, _ASPHALT)
    lines: list[Points] = []
    taken = rng.uniform(0.2, 0.8)
    for row in np.arange(-lot.half[1] + 8, lot.half[1] - 8, 26.0):
        for place in np.arange(-lot.half[0] + 5, lot.half[0] - 5, 6.5):
            spot = lot.centre + np.array([place, row])
            lines.append(spot + _BAY_EDGE)
            if rng.random() < taken and town.sees(spot, 6.0):
                town.cars.append(Box(spot + rng.normal(0, 0.4, 2), (4.8, 2.2), np.pi / 2))
    town.pads.append(Pad(lot, colour, 5, tuple(lines)))


def _field(rng: np.random.Generator, town: Town, block: _Block) -> None:
    """No building: a pitch or a building site of bare earth with sharp edges."""
    half = (block.sides[0] / 2 * rng.uniform(0.5, 0.85), block.sides[1] / 2 * rng.uniform(0.5, 0.85))
    colour = _pick_colour(rng, _EARTH)
    box = Box(block.centre, half, rng.normal(0, 0.1))
    inner = Box(box.centre, (half[0] * 0.8, half[1] * 0.8), box.angle).corners()
    town.pads.append(Pad(box, colour, 9, (np.concatenate([inner, inner[:1]]),) if rng.random() < 0.4 else ()))


def _fill(rng: np.random.Generator, town: Town, block: _Block, built: bool) -> None:
    chance = rng.random() * (0.88 if built else 1.0)
    if chance < 0.62 or min(block.sides) < 60:
        _street_of_houses(rng, town, block)
        _plant(rng, town, block, rng.uniform(0.5, 2.2), 11.0)
    elif chance < 0.88:
        _hall(rng, town, block)
        _plant(rng, town, block, 0.35, 40.0)
    else:
        _field(rng, town, block)
        _plant(rng, town, block, rng.uniform(0.5, 1.5), 11.0)


def plan_town(rng: np.random.Generator, shape: Shape) -> Town:
    """Plan the town that an image of shape (H, W) shows.

    The block in the middle of the image always holds buildings, so no large image is empty.
    """
    scale = min(1.0, min(shape) / 128)
    town = Town(shape, rng.uniform(0, 2 * np.pi), scale, unit_vector(rng.uniform(0, 2 * np.pi)))
    reach = float(np.hypot(*shape)) / 2 / scale
    across, along = _place_streets(rng, reach, 150, 260), _place_streets(rng, reach, 88, 128)
    widths = [rng.uniform(11, 18, len(places)).tolist() for places in (across, along)]
    marked = bool(rng.random() < 0.4)
    ends = [[[x, along[0]], [x, along[-1]]] for x in across] + [[[across[0], y], [across[-1], y]] for y in along]
    town.streets += [Street(np.array(e), w, marked) for e, w in zip(ends, widths[0] + widths[1], strict=True)]
    for x0, x1 in pairwise(across):
        for y0, y1 in pairwise(along):
            block = _Block(x0 + 12, y0 + 12, x1 - 12, y1 - 12)
            if town.sees(block.centre, float(np.hypot(*block.sides)) / 2 + TALLEST):
                _fill(rng, town, block, built=x0 <= 0 <= x1 and y0 <= 0 <= y1)
    return town
