"""Nuclei of the five kinds of white cells: round, kidney-shaped, or lobes on a thread."""

from dataclasses import replace

import numpy as np

from segexp.data.synthetic.scenes.canvas import Canvas, Paint
from segexp.data.synthetic.scenes.scene import Colour
from segexp.data.synthetic.scenes.shapes import Points, blob, turn


def _tone(paint: Paint, factor: float) -> Paint:
    """The same paint, darker or brighter."""
    if paint.colour is None:
        return paint
    red, green, blue = (int(min(255, channel * factor)) for channel in paint.colour)
    colour: Colour = (red, green, blue)
    return replace(paint, colour=colour)


def _arc(radius: float, sweep: float, points: int) -> Points:
    """Points (N, 2) on a circle around the origin."""
    angle = np.linspace(-sweep / 2, sweep / 2, points)
    return radius * np.stack([np.cos(angle), np.sin(angle)], axis=1)


def _draw_round(rng: np.random.Generator, canvas: Canvas, centre: Points, radius: float, paint: Paint) -> None:
    """Fills most of the cell and lies off its middle."""
    size = radius * rng.uniform(0.68, 0.8)
    angle = rng.uniform(0, 2 * np.pi)
    middle = centre + (0.9 * radius - size) * rng.random() * np.array([np.cos(angle), np.sin(angle)])
    canvas.polygon(blob(rng, middle, size, 0.05, stretch=0.06), paint)


def _draw_kidney(rng: np.random.Generator, canvas: Canvas, centre: Points, radius: float, paint: Paint) -> None:
    """A thick bent band: from a bean to a horseshoe."""
    band = radius * rng.uniform(0.26, 0.36)
    path = _arc(radius * 0.4, rng.uniform(1.6, 3.9), 9) * rng.uniform(0.9, 1.1, (9, 1))
    path = centre + turn(path, rng.uniform(0, 2 * np.pi))
    for number, point in enumerate(path):
        swell = 1.0 + 0.12 * np.cos(number * 1.9 + radius)
        canvas.polygon(blob(rng, point, band * swell, 0.08, 20), paint)
    canvas.line(path, 1.6 * band, paint)


def _draw_lobes(
    rng: np.random.Generator, canvas: Canvas, centre: Points, radius: float, lobes: int, paint: Paint
) -> None:
    """Lobes along an arc, joined by thin threads."""
    path = _arc(radius * 0.45, min(4.0, 1.4 * (lobes - 1)) * rng.uniform(0.85, 1.1), lobes)
    path = centre + turn(path * rng.uniform(0.8, 1.1, (lobes, 1)), rng.uniform(0, 2 * np.pi))
    canvas.line(path, max(1.0, radius * rng.uniform(0.12, 0.3)), paint)
    for point in path:
        size = radius * rng.uniform(0.24, 0.32) * (1.25 if lobes == 2 else 1.0)
        canvas.polygon(blob(rng, point, size, 0.2, 20), _tone(paint, rng.uniform(0.92, 1.08)))


def draw_nucleus(
    rng: np.random.Generator, canvas: Canvas, centre: Points, radius: float, kind: int, paint: Paint
) -> None:
    """Draw the nucleus of a cell.

    Args:
        rng: Source of randomness.
        canvas: Where to draw.
        centre: (2,), of the cell.
        radius: Of the cell, in pixels.
        kind: 1 neutrophil (three to five lobes), 2 lymphocyte (round), 3 monocyte (kidney), 4 eosinophil (two
            lobes), 5 basophil (broad kidney, hardly lobed).
        paint: Colour, label and roughness.
    """
    if kind == 2:
        _draw_round(rng, canvas, centre, radius, paint)
    elif kind in (3, 5):
        _draw_kidney(rng, canvas, centre, radius, paint)
    else:
        lobes = 2 if kind == 4 else int(rng.integers(3, 6))
        _draw_lobes(rng, canvas, centre, radius, lobes, paint)
