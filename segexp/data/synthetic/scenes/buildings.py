"""A town from above at about 0.4 m per pixel: roofs among roads, car parks, bare soil, trees and shadows.

Roofs share their colours with what surrounds them (grey with asphalt, beige with concrete, brown with soil,
red with cars), so that form and shadow tell them and no colour does.
"""

import numpy as np

from segexp.data.synthetic.scenes.canvas import Box, Canvas, Floats, Paint, Points, blob_outline
from segexp.data.synthetic.scenes.degrade import fractal, grain, soften, texture, to_bytes, uneven_light
from segexp.data.synthetic.scenes.large import LARGE, draw_mosaic
from segexp.data.synthetic.scenes.roofs import draw_roof, draw_shadow
from segexp.data.synthetic.scenes.scene import Bytes, Colour, Scene, Shape
from segexp.data.synthetic.scenes.town import Town, plan_town

_GRASS = np.array(((96, 108, 66), (122, 118, 84), (82, 100, 58), (138, 128, 98)), np.float32)
_SOIL = np.array((168, 146, 116), np.float32)
_CARS: tuple[Colour, ...] = ((225, 225, 225), (50, 52, 58), (150, 45, 42), (140, 145, 150), (70, 85, 120))
_LEAVES = np.array(((66, 82, 50), (82, 90, 58), (98, 84, 68), (58, 76, 52)), np.float32)


def _ground(rng: np.random.Generator, shape: Shape, scale: float) -> Bytes:
    """Meadow that fades into dry grass and bare soil, uint8 (H, W, 3)."""
    grass = _GRASS[rng.integers(len(_GRASS))]
    bare = 1 / (1 + np.exp(-2.5 * (fractal(rng, shape, 110 * scale, 4) - rng.uniform(0.2, 1.4))))
    image = grass + bare[..., None].astype(np.float32) * (_SOIL * np.float32(rng.uniform(0.85, 1.15)) - grass)
    image *= 1 + np.float32(0.10) * fractal(rng, shape, 24 * scale, 3)[..., None]
    return to_bytes(image)


def _draw_streets(rng: np.random.Generator, canvas: Canvas, town: Town) -> None:
    """Asphalt or concrete between pavements, some with a dashed middle line."""
    grey = int(rng.uniform(95, 175))
    asphalt = Paint((grey, grey - 2, grey - 6), rough=5)
    light = min(235, grey + int(rng.uniform(25, 60)))
    pavement = Paint((light, light - 4, light - 14), rough=5)
    for extra, paint in ((5.0, pavement), (0.0, asphalt)):
        for street in town.streets:
            canvas.line(town.frame.pixels(street.ends), (street.width + extra) * town.frame.scale, paint)
    for street in town.streets:
        if street.marked:
            first, last = street.ends
            length = float(np.hypot(*(last - first)))
            ahead = (last - first) / length
            starts = first + ahead * np.arange(0, length, 9.0)[:, None]
            for start in starts[town.frame.sees(starts, 5.0)]:
                dash = np.stack([start, start + 4.5 * ahead])
                canvas.line(town.frame.pixels(dash), 0.7 * town.frame.scale, Paint((215, 210, 190)))


def _draw_pads(canvas: Canvas, town: Town) -> None:
    """Car parks, drives, pools and patches: flat ground with the colours of roofs."""
    for pad in town.pads:
        paint = Paint(pad.colour, rough=pad.rough)
        if pad.round:
            canvas.polygon(town.frame.pixels(pad.box.corners()), paint)
            middle = town.frame.pixels(pad.box.centre)
            canvas.circle(middle, 0.6 * min(pad.box.half) * town.frame.scale, paint)
        else:
            canvas.polygon(town.frame.pixels(pad.box.corners()), paint)
        for line in pad.lines:
            canvas.line(town.frame.pixels(line), 0.6 * town.frame.scale, Paint((222, 220, 212)))


def _draw_car(rng: np.random.Generator, canvas: Canvas, town: Town, car: Box) -> None:
    body = _CARS[int(rng.integers(len(_CARS)))]
    pixels = town.frame.pixels
    canvas.polygon(pixels(car.corners()) + town.sun * 1.5 * town.frame.scale, Paint(shade=150))
    canvas.polygon(pixels(car.corners()), Paint(body, rough=2, shade=0))
    glass = Box(car.centre, (0.5 * car.half[0], 0.8 * car.half[1]), car.angle)
    canvas.polygon(pixels(glass.corners()), Paint((body[0] // 2, body[1] // 2, body[2] // 2 + 8)))


def _tree_shadow(rng: np.random.Generator, canvas: Canvas, town: Town, place: Points, radius: float) -> None:
    scale = town.frame.scale
    outline = blob_outline(rng, town.frame.pixels(place) + town.sun * radius * 0.9 * scale, radius * scale, 0.2, 14)
    canvas.polygon(outline, Paint(shade=185))


def _draw_tree(
    rng: np.random.Generator, canvas: Canvas, town: Town, place: Points, radius: float, leaf: Floats
) -> None:
    """A crown whose tufts get brighter towards the sun."""
    scale = town.frame.scale
    centre = town.frame.pixels(place)
    shade = leaf * rng.uniform(0.75, 1.2)
    colours = shade * np.array([[0.78], [0.9], [1.0], [1.14]])
    dark, *brighter = [(int(red), int(green), int(blue)) for red, green, blue in colours.tolist()]
    canvas.polygon(blob_outline(rng, centre, radius * scale, 0.3, 18), Paint(dark, rough=19, shade=0))
    tufts = rng.uniform(-0.45, 0.45, (len(brighter), 2)) - town.sun * np.array([[0.0], [0.15], [0.3]])
    sizes = rng.uniform(0.3, 0.5, len(brighter)) * radius * scale
    for colour, tuft, size in zip(brighter, centre + tufts * radius * scale, sizes, strict=True):
        canvas.circle(tuft, float(size), Paint(colour))


def _draw_town(rng: np.random.Generator, canvas: Canvas, town: Town) -> None:
    """Layer by layer from the ground up, so that nothing throws a shadow on what stands above it."""
    _draw_streets(rng, canvas, town)
    _draw_pads(canvas, town)
    for place, radius in town.trees:
        _tree_shadow(rng, canvas, town, place, radius)
    for car in town.cars:
        _draw_car(rng, canvas, town, car)
    leaves = _LEAVES[rng.integers(len(_LEAVES), size=2)]
    for number, (place, radius) in enumerate(town.trees):
        _draw_tree(rng, canvas, town, place, radius, leaves[number % 2])
    houses = [house for house in town.houses if town.frame.sees(house.parts[0].centre, house.reach())]
    for house in houses:
        draw_shadow(canvas, town.frame, town.sun, house)
    for house in houses:
        draw_roof(rng, canvas, town.frame, town.sun, house)


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
    scale = town.frame.scale
    canvas = Canvas(shape, _ground(rng, shape, scale), rough=8)
    _draw_town(rng, canvas, town)
    image = canvas.image()
    shade = canvas.shading(0.5)[..., None]
    # shadows are lit by the sky alone: darker and bluer
    image *= 1 - shade * np.array([0.66, 0.62, 0.54], np.float32)
    image *= 1 + np.float32(0.06) * texture(rng, shape, 40 * scale)[..., None]
    exposure = np.float32(rng.uniform(0.85, 1.12))
    image *= exposure * uneven_light(rng, shape, rng.uniform(0.02, 0.09))[..., None]
    grain(rng, image, canvas.roughness(), 0.0)
    image = soften(image, rng.uniform(0.4, 0.65))
    grain(rng, image, np.zeros(shape, np.float32), 4.0)
    return Scene(to_bytes(image), canvas.mask(2), np.ones(shape, np.uint8))
