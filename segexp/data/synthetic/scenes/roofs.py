"""Buildings: footprint of one or more boxes, pitched or flat roof, cast shadow."""

from dataclasses import dataclass

import cv2
import numpy as np

from segexp.data.synthetic.scenes.canvas import Box, Canvas, Frame, Paint, Points, rotate
from segexp.data.synthetic.scenes.scene import Colour

ROOF_COLOURS: tuple[Colour, ...] = (
    (150, 148, 146),
    (92, 92, 96),
    (146, 122, 100),
    (164, 92, 70),
    (222, 222, 220),
    (190, 174, 148),
    (122, 104, 92),
    (118, 128, 140),
)
"""Greys, browns, tile red, white, beige, slate."""


def jitter(rng: np.random.Generator, colour: Colour) -> Colour:
    """A colour near another one: a common change of brightness and a small one per channel."""
    moved = np.array(colour) * rng.uniform(0.86, 1.12) + rng.normal(0, 4, 3)
    red, green, blue = np.clip(moved, 20, 245).astype(int).tolist()
    return red, green, blue


def pick_colour(rng: np.random.Generator, palette: tuple[Colour, ...] = ROOF_COLOURS) -> Colour:
    """Any colour of a palette, slightly changed."""
    return jitter(rng, palette[int(rng.integers(len(palette)))])


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
        ends = [float(np.hypot(*(part.centre - middle)) + np.hypot(*part.half)) for part in self.parts]
        return self.height + max(ends)


def _scaled(colour: Colour, factor: float) -> Colour:
    red, green, blue = (int(min(250, max(0, channel * factor))) for channel in colour)
    return red, green, blue


def draw_shadow(canvas: Canvas, frame: Frame, sun: Points, house: House) -> None:
    """Shade the hull of each part and of the same part moved away from the sun."""
    for part in house.parts:
        corners = frame.pixels(part.corners())
        both = np.concatenate([corners, corners + sun * house.height * frame.scale]).astype(np.float32)
        canvas.polygon(cv2.convexHull(both).reshape(-1, 2).astype(np.float64), Paint(shade=225))


def _faces(part: Box, style: str) -> list[tuple[Points, Points]]:
    """Faces of a pitched roof as (corners, outward direction), both in the plan of the town."""
    a, b = part.half
    long = a >= b
    a, b = (a, b) if long else (b, a)
    # a gable keeps a hair of slope at its ends, so that both styles are the same four faces
    end = max(a - b, 0.0) if style == "hip" else a
    ridge = np.array([(-end, 0.0), (end, 0.0)])
    left_top, right_top, right_low, left_low = np.array([(-a, -b), (a, -b), (a, b), (-a, b)])
    shapes = [
        (np.array([left_top, right_top, ridge[1], ridge[0]]), (0.0, -1.0)),
        (np.array([left_low, right_low, ridge[1], ridge[0]]), (0.0, 1.0)),
    ]
    if style == "hip":
        shapes.append((np.array([left_top, left_low, ridge[0]]), (-1.0, 0.0)))
        shapes.append((np.array([right_top, right_low, ridge[1]]), (1.0, 0.0)))
    angle = part.angle if long else part.angle + np.pi / 2
    return [(part.centre + rotate(s, angle), rotate(np.array(n), angle)) for s, n in shapes]


def _draw_pitched(canvas: Canvas, frame: Frame, sun: Points, house: House) -> None:
    """Faces are the brighter, the more they look at the sun; the smaller wings lie on top."""
    for part in house.parts:
        for corners, outward in _faces(part, house.style):
            lit = -float(rotate(outward, frame.angle) @ sun)
            colour = _scaled(house.colour, 1 + 0.2 * lit)
            canvas.polygon(frame.pixels(corners), Paint(colour, 1, 7, 0))
        ridge = _faces(part, house.style)[0][0][2:]
        canvas.line(frame.pixels(ridge), 0.8 * frame.scale, Paint(_scaled(house.colour, 1.1)))


def _draw_flat(rng: np.random.Generator, canvas: Canvas, frame: Frame, sun: Points, house: House) -> None:
    """A parapet, a level field and some machines with their own shadows."""
    for part in house.parts:
        canvas.polygon(frame.pixels(part.corners()), Paint(_scaled(house.colour, 1.14), 1, 4, 0))
    for part in house.parts:
        inner = Box(part.centre, (part.half[0] - 1.3, part.half[1] - 1.3), part.angle)
        canvas.polygon(frame.pixels(inner.corners()), Paint(house.colour, 1, 5))
        area = part.half[0] * part.half[1]
        for _ in range(int(rng.poisson(min(area / 180, 12.0)))):
            place = rng.uniform(-0.75, 0.75, 2) * part.half
            size = rng.uniform(1.2, 2.6)
            unit = Box(part.centre + rotate(place, part.angle), (size, size * 0.8), part.angle)
            pixels = frame.pixels(unit.corners())
            canvas.polygon(pixels + sun * 1.8 * frame.scale, Paint(_scaled(house.colour, 0.62)))
            canvas.polygon(pixels, Paint((205, 205, 205)))


def draw_roof(rng: np.random.Generator, canvas: Canvas, frame: Frame, sun: Points, house: House) -> None:
    """Draw a roof with label 1; it lies in no shadow.

    Args:
        rng: Source of randomness.
        canvas: Where to draw.
        frame: From the plan of the town to the image.
        sun: (2,), direction in which shadows fall, in image coordinates.
        house: What to draw.
    """
    if house.style == "flat":
        _draw_flat(rng, canvas, frame, sun, house)
    else:
        _draw_pitched(canvas, frame, sun, house)
