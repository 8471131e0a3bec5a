"""A town from above at about 0.4 m per pixel: roofs among roads, car parks, bare soil, trees and shadows.

Roofs share their colours with what surrounds them (grey with asphalt, beige with concrete, brown with soil,
red with cars), so that form and shadow tell them and no colour does.
"""

import cv2
import numpy as np

from segexp.data.synthetic.scenes.canvas import Canvas, Paint, blob_outline, rotate
from segexp.data.synthetic.scenes.degrade import expose, fractal, texture, to_bytes, uneven_light
from segexp.data.synthetic.scenes.large import LARGE, draw_mosaic
from segexp.data.synthetic.scenes.scene import Bytes, Colour, Floats, Points, Scene, Shape, to_colour
from segexp.data.synthetic.scenes.town import Box, House, Town, plan_town

_GRASS = np.array(((96, 108, 66), (122, 118, 84), (82, 100, 58), (138, 128, 98)), np.float32)
_SOIL = np.array((168, 146, 116), np.float32)
_CARS: tuple[Colour, ...] = ((225, 225, 225), (50, 52, 58), (150, 45, 42), (140, 145, 150), (70, 85, 120))
_LEAVES = np.array(((66, 82, 50), (82, 90, 58), (98, 84, 68), (58, 76, 52)), np.float32)


def paint_buildings(rng: np.random.Generator, shape: Shape) -> Scene:
    """Draw one piece of a town, or a mosaic of pieces.

    Args:
        rng: Source of randomness.
        shape: (H, W); objects keep their size in pixels, below 128 pixels they shrink with the image.

    Returns:
        Scene with mask 0 (background) and 1 (building), and fov all ones.
    """
    return draw_mosaic(_paint, rng, shape) if shape[0] * shape[1] > LARGE else _paint(rng, shape)


def _paint(rng: np.random.Generator, shape: Shape) -> Scene:
    town = plan_town(rng, shape)
    canvas = Canvas(shape, _ground(rng, shape, town.scale), rough=8)
    _TownPainter(rng, canvas, town).draw_all()
    image = canvas.image()
    # shadows are lit by the sky alone: darker and bluer
    image *= 1 - canvas.shading(0.5)[..., None] * np.array([0.66, 0.62, 0.54], np.float32)
    image *= 1 + np.float32(0.06) * texture(rng, shape, 40 * town.scale)[..., None]
    exposure = np.float32(rng.uniform(0.85, 1.12))
    image *= exposure * uneven_light(rng, shape, rng.uniform(0.02, 0.09))[..., None]
    return expose(rng, image, canvas, 2, (0.4, 0.65), 4.0)


def _ground(rng: np.random.Generator, shape: Shape, scale: float) -> Bytes:
    """Meadow that fades into dry grass and bare soil, uint8 (H, W, 3)."""
    grass = _GRASS[rng.integers(len(_GRASS))]
    bare = 1 / (1 + np.exp(-2.5 * (fractal(rng, shape, 110 * scale, 4) - rng.uniform(0.2, 1.4))))
    image = grass + bare[..., None].astype(np.float32) * (_SOIL * np.float32(rng.uniform(0.85, 1.15)) - grass)
    image *= 1 + np.float32(0.10) * fractal(rng, shape, 24 * scale, 3)[..., None]
    return to_bytes(image)


class _TownPainter:
    """Draws a town layer by layer; lengths and places are those of its plan."""

    def __init__(self, rng: np.random.Generator, canvas: Canvas, town: Town) -> None:
        self.rng, self.canvas, self.town = rng, canvas, town

    def draw_all(self) -> None:
        """From the ground up, so that nothing throws a shadow on what stands above it."""
        town, rng = self.town, self.rng
        self._draw_streets()
        self._draw_pads()
        for place, radius in town.trees:
            centre = town.pixels(place) + town.sun * radius * 0.9 * town.scale
            self.canvas.polygon(blob_outline(rng, centre, radius * town.scale, 0.2, 14), Paint(shade=185))
        for car in town.cars:
            self._draw_car(car)
        leaves = _LEAVES[rng.integers(len(_LEAVES), size=2)]
        for number, (place, radius) in enumerate(town.trees):
            self._draw_tree(place, radius, leaves[number % 2])
        houses = [house for house in town.houses if town.sees(house.parts[0].centre, house.reach())]
        for house in houses:
            self._draw_shadow(house)
        for house in houses:
            (self._draw_flat if house.style == "flat" else self._draw_pitched)(house)

    def _fill(self, box: Box, paint: Paint, shadow: float = 0.0) -> None:
        """Fills a box, moved away from the sun by the length of a shadow."""
        pixels = self.town.pixels(box.corners())
        self.canvas.polygon(pixels + self.town.sun * shadow * self.town.scale if shadow else pixels, paint)

    def _line(self, points: Points, width: float, paint: Paint) -> None:
        self.canvas.line(self.town.pixels(points), width * self.town.scale, paint)

    def _draw_streets(self) -> None:
        """Asphalt or concrete between pavements, some with a dashed middle line."""
        grey = int(self.rng.uniform(95, 175))
        light = min(235, grey + int(self.rng.uniform(25, 60)))
        for extra, colour in ((5.0, (light, light - 4, light - 14)), (0.0, (grey, grey - 2, grey - 6))):
            for street in self.town.streets:
                self._line(street.ends, street.width + extra, Paint(colour, rough=5))
        for street in self.town.streets:
            if street.marked:
                first, last = street.ends
                length = float(np.hypot(*(last - first)))
                ahead = (last - first) / length
                starts = first + ahead * np.arange(0, length, 9.0)[:, None]
                for start in starts[self.town.sees(starts, 5.0)]:
                    self._line(np.stack([start, start + 4.5 * ahead]), 0.7, Paint((215, 210, 190)))

    def _draw_pads(self) -> None:
        """Car parks, drives, pools and patches: flat ground with the colours of roofs."""
        for pad in self.town.pads:
            paint = Paint(pad.colour, rough=pad.rough)
            self._fill(pad.box, paint)
            if pad.round:
                self.canvas.circle(self.town.pixels(pad.box.centre), 0.6 * min(pad.box.half) * self.town.scale, paint)
            for line in pad.lines:
                self._line(line, 0.6, Paint((222, 220, 212)))

    def _draw_car(self, car: Box) -> None:
        red, green, blue = body = _CARS[int(self.rng.integers(len(_CARS)))]
        self._fill(car, Paint(shade=150), shadow=1.5)
        self._fill(car, Paint(body, rough=2, shade=0))
        glass = Box(car.centre, (0.5 * car.half[0], 0.8 * car.half[1]), car.angle)
        self._fill(glass, Paint((red // 2, green // 2, blue // 2 + 8)))

    def _draw_tree(self, place: Points, radius: float, leaf: Floats) -> None:
        """A crown whose tufts get brighter towards the sun."""
        rng, size = self.rng, radius * self.town.scale
        centre = self.town.pixels(place)
        shade = leaf * rng.uniform(0.75, 1.2)
        dark, *brighter = map(to_colour, shade * np.array([[0.78], [0.9], [1.0], [1.14]]))
        self.canvas.polygon(blob_outline(rng, centre, size, 0.3, 18), Paint(dark, rough=19, shade=0))
        tufts = rng.uniform(-0.45, 0.45, (len(brighter), 2)) - self.town.sun * np.array([[0.0], [0.15], [0.3]])
        sizes = rng.uniform(0.3, 0.5, len(brighter)) * radius * self.town.scale
        for colour, tuft, tuft_size in zip(brighter, centre + tufts * radius * self.town.scale, sizes, strict=True):
            self.canvas.circle(tuft, float(tuft_size), Paint(colour))

    def _draw_shadow(self, house: House) -> None:
        """Shades the hull of each part and of the same part moved away from the sun."""
        for part in house.parts:
            corners = self.town.pixels(part.corners())
            moved = corners + self.town.sun * house.height * self.town.scale
            hull = cv2.convexHull(np.concatenate([corners, moved]).astype(np.float32))
            self.canvas.polygon(hull.reshape(-1, 2).astype(np.float64), Paint(shade=225))

    def _draw_pitched(self, house: House) -> None:
        """Draws faces the brighter, the more they look at the sun; the smaller wings lie on top."""
        for part in house.parts:
            faces = _faces(part, house.style)
            for corners, outward in faces:
                lit = -float(rotate(outward, self.town.angle) @ self.town.sun)
                colour = _scaled(house.colour, 1 + 0.2 * lit)
                self.canvas.polygon(self.town.pixels(corners), Paint(colour, 1, 7, 0))
            self._line(faces[0][0][2:], 0.8, Paint(_scaled(house.colour, 1.1)))

    def _draw_flat(self, house: House) -> None:
        """Draws a parapet, a level field and some machines with their own shadows."""
        rng = self.rng
        for part in house.parts:
            self._fill(part, Paint(_scaled(house.colour, 1.14), 1, 4, 0))
        for part in house.parts:
            self._fill(
                Box(part.centre, (part.half[0] - 1.3, part.half[1] - 1.3), part.angle), Paint(house.colour, 1, 5)
            )
            for _ in range(int(rng.poisson(min(part.half[0] * part.half[1] / 180, 12.0)))):
                place = rng.uniform(-0.75, 0.75, 2) * part.half
                size = rng.uniform(1.2, 2.6)
                machine = Box(part.centre + rotate(place, part.angle), (size, size * 0.8), part.angle)
                self._fill(machine, Paint(_scaled(house.colour, 0.62)), shadow=1.8)
                self._fill(machine, Paint((205, 205, 205)))


def _scaled(colour: Colour, factor: float) -> Colour:
    return to_colour(np.array(colour) * factor, 0, 250)


def _faces(part: Box, style: str) -> list[tuple[Points, Points]]:
    """Faces of a pitched roof as (corners, outward direction), both in the plan of the town."""
    a, b = part.half
    angle = part.angle
    if a < b:
        a, b, angle = b, a, angle + np.pi / 2
    # a gable keeps a hair of slope at its ends, so that both styles are the same four faces
    end = max(a - b, 0.0) if style == "hip" else a
    left, right = (-end, 0.0), (end, 0.0)
    shapes: list[tuple[list[tuple[float, float]], tuple[float, float]]] = [
        ([(-a, -b), (a, -b), right, left], (0.0, -1.0)),
        ([(-a, b), (a, b), right, left], (0.0, 1.0)),
    ]
    if style == "hip":
        shapes += [([(-a, -b), (-a, b), left], (-1.0, 0.0)), ([(a, -b), (a, b), right], (1.0, 0.0))]
    return [(part.centre + rotate(np.array(s), angle), rotate(np.array(n), angle)) for s, n in shapes]
