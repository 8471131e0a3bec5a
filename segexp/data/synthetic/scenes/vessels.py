"""A retina through a fundus camera: vessels of low contrast among haemorrhages, exudates and uneven light.

The vessels are darker than their surroundings but seldom darker than the dark parts of the picture, so no
global threshold finds them. They are branching, tapering trees of curves, in radii of the retina.
"""

from collections import deque
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.canvas import Canvas, Paint, blob_outline
from segexp.data.synthetic.scenes.degrade import fractal, grain, soften, texture, to_bytes, uneven_light
from segexp.data.synthetic.scenes.large import LARGE, draw_enlarged
from segexp.data.synthetic.scenes.scene import Bytes, Floats, Points, Scene, Shape

_TINTS = np.array([[238, 122, 66], [222, 108, 58], [196, 96, 56], [192, 128, 104], [206, 118, 84]], np.float32)
"""Colours of real fundi: from orange over reddish brown to a greyish pink."""
_STEP = 0.025
"""Distance of two points of a curve."""
_MOST_BRANCHES = 220
"""Bound on the work for one image; typical trees have half as many."""


@dataclass(frozen=True)
class _Branch:
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
class _Sprout:
    """The start of a branch and how it will grow: headings in radians, bend in radians per radius."""

    start: Points
    heading: float
    bend: float
    width: float
    length: float
    vein: bool
    generation: int = 0


@dataclass(frozen=True)
class _Eye:
    """Geometry of an eye: centre and radius in pixels, disc and macula in radii from the centre."""

    centre: Points
    radius: float
    disc: Points
    macula: Points

    def pixels(self, points: Points) -> Points:
        return self.centre + self.radius * points

    def distance(self, shape: Shape, place: Points, stretch: float = 1.0) -> Floats:
        """Distance of each pixel from a place in radii, float32 (H, W); ``stretch`` > 1: tall ellipses."""
        x0, y0 = self.pixels(place)
        y = (np.arange(shape[0])[:, None] - y0) / (self.radius * stretch)
        x = (np.arange(shape[1])[None, :] - x0) / self.radius
        return np.asarray(np.hypot(x.astype(np.float32), y.astype(np.float32)))


def paint_vessels(rng: np.random.Generator, shape: Shape) -> Scene:
    """Draw one retina; a very large one smaller, and enlarged.

    Args:
        rng: Source of randomness.
        shape: (H, W); the circle of view has 0.95 of the shorter side as diameter.

    Returns:
        Scene with mask 0 (background) and 1 (vessel), and fov 1 inside the circle.
    """
    return draw_enlarged(_paint, rng, shape) if shape[0] * shape[1] > LARGE else _paint(rng, shape)


def _paint(rng: np.random.Generator, shape: Shape) -> Scene:
    eye = _place_eye(rng, shape)
    image = _draw_fundus(rng, shape, eye)
    canvas = Canvas(shape, (0, 0, 0))
    exudates = _draw_lesions(rng, canvas, eye).shading(0.006 * eye.radius)[..., None]
    image += exudates * (np.array([250, 215, 130], np.float32) - image) * np.float32(0.75)
    thick = max(rng.uniform(0.028, 0.038), 2.2 / eye.radius)
    _draw_vessels(rng, canvas, eye, _grow_vessels(rng, eye, thick, max(0.008, 1.2 / eye.radius)))
    depth = canvas.shading(max(0.4, 0.004 * eye.radius))[..., None]
    image *= 1 - depth * np.array([0.26, 0.48, 0.32], np.float32) * np.float32(rng.uniform(0.65, 1.0))
    picture, fov = _photograph(rng, image, eye)
    return Scene(picture, canvas.mask(2), fov)


def _place_eye(rng: np.random.Generator, shape: Shape) -> _Eye:
    height, width = shape
    side = 1.0 if rng.random() < 0.5 else -1.0
    disc = np.array([side * rng.uniform(0.6, 0.82), rng.uniform(-0.15, 0.1)])
    macula = disc + np.array([-side * rng.uniform(0.72, 0.85), rng.uniform(0.0, 0.12)])
    # 0.475 of the shorter side: the circle of DRIVE (radius 268 of 565 pixels)
    return _Eye(np.array([width - 1, height - 1]) / 2, 0.475 * min(shape), disc, macula)


def _grow(rng: np.random.Generator, sprout: _Sprout) -> _Branch:
    along = np.arange(max(4, int(sprout.length / _STEP))) * _STEP
    heading = sprout.heading + sprout.bend * along
    for frequency, amplitude in ((3.0, 0.24), (9.0, 0.17), (24.0, 0.12)):
        phase = rng.uniform(0, 2 * np.pi)
        # less its value at the start, so that a branch leaves its parent at the angle that was asked for
        wave = np.sin(frequency * rng.uniform(0.8, 1.2) * along + phase) - np.sin(phase)
        heading = heading + amplitude * rng.uniform(0.5, 1.5) * wave
    moves = _STEP * np.stack([np.cos(heading), np.sin(heading)], axis=1)
    points = sprout.start + np.cumsum(moves, axis=0) - moves[0]
    inside = np.hypot(points[:, 0], points[:, 1]) < 1.02
    end = max(2, len(along) if inside.all() else int(np.argmin(inside)))
    taper = 1 - 0.55 * along[:end] / max(sprout.length, _STEP)
    return _Branch(points[:end], np.asarray(sprout.width * taper, np.float64), sprout.vein)


def _sprout_children(rng: np.random.Generator, branch: _Branch, generation: int) -> list[_Sprout]:
    """Side branches at random distances, to both sides in turn."""
    found: list[_Sprout] = []
    spacing = 0.3 + 0.05 * generation
    place = rng.uniform(0.6, 1.4) * spacing
    side = 1.0 if rng.random() < 0.5 else -1.0
    while place < _STEP * (len(branch.points) - 3):
        at = int(place / _STEP)
        ahead = branch.points[at + 1] - branch.points[at]
        angle = float(np.arctan2(ahead[1], ahead[0])) + side * rng.uniform(0.5, 1.1)
        width = float(branch.widths[at]) * rng.uniform(0.45, 0.8)
        length = rng.uniform(0.3, 0.75) * 0.8**generation
        # a child turns back towards the course of its parent
        bend = -side * rng.uniform(0.0, 1.2)
        found.append(_Sprout(branch.points[at], angle, bend, width, length, branch.vein, generation + 1))
        place += spacing * rng.uniform(0.6, 1.8)
        side = -side if rng.random() < 0.75 else side
    return found


def _sprout_trunks(rng: np.random.Generator, eye: _Eye, width: float) -> list[_Sprout]:
    """The arcades around the macula, the nasal vessels, and a few thin ones that leave the disc anywhere."""
    towards = eye.macula - eye.disc
    inward = float(np.arctan2(towards[1], towards[0]))
    sprouts: list[_Sprout] = []
    for up in (-1.0, 1.0):
        for vein in (True, False):
            thick = width * rng.uniform(0.85, 1.1) * (1.0 if vein else 0.75)
            start = eye.disc + rng.normal(0, 0.045, 2)
            arc = inward + up * rng.uniform(1.15, 1.5)
            sprouts.append(_Sprout(start, arc, -up * rng.uniform(0.7, 1.15), thick, 2.2, vein))
            nasal = inward + up * rng.uniform(1.9, 2.7)
            sprouts.append(_Sprout(start, nasal, up * rng.uniform(-0.3, 0.6), thick * 0.7, 0.9, vein))
    for _ in range(int(rng.integers(2, 5))):
        thin = width * rng.uniform(0.25, 0.45)
        anywhere = inward + rng.uniform(-1.2, 1.2)
        start = eye.disc + rng.normal(0, 0.06, 2)
        sprouts.append(_Sprout(start, anywhere, rng.uniform(-0.5, 0.5), thin, rng.uniform(0.4, 0.7), False))
    return sprouts


def _grow_vessels(rng: np.random.Generator, eye: _Eye, width: float, finest: float) -> list[_Branch]:
    """Grow all vessels of a retina.

    Args:
        rng: Source of randomness.
        eye: Where they leave the disc, and which way the macula lies.
        width: Width of a trunk, in radii.
        finest: Width below which nothing branches off; no branch is drawn thinner.

    Returns:
        Branches, the thinnest first, so that wide ones are drawn over narrow ones.
    """
    waiting = deque(_sprout_trunks(rng, eye, width))
    grown: list[_Branch] = []
    while waiting and len(grown) < _MOST_BRANCHES:
        sprout = waiting.popleft()
        branch = _grow(rng, sprout)
        grown.append(_Branch(branch.points, np.maximum(branch.widths, finest), branch.vein))
        if sprout.generation < 4 and sprout.width > finest:
            waiting.extend(_sprout_children(rng, branch, sprout.generation))
    return sorted(grown, key=lambda branch: float(branch.widths[0]))


def _draw_vessels(rng: np.random.Generator, canvas: Canvas, eye: _Eye, branches: list[_Branch]) -> None:
    """Label and depth of each vessel; runs of about equal width are drawn in one stroke."""
    for branch in branches:
        points = eye.pixels(branch.points)
        widths = np.maximum(branch.widths * eye.radius, 1.2)
        levels = np.round(widths * canvas.factor).astype(int)
        cuts = [0, *(np.flatnonzero(np.diff(levels)) + 1).tolist(), len(levels) - 1]
        deep = rng.uniform(0.85, 1.0) if branch.vein else rng.uniform(0.65, 0.85)
        for first, last in pairwise(cuts):
            width = float(widths[first])
            # a thin vessel holds less blood in the line of sight
            depth = int(255 * deep * min(1.0, 0.58 + 0.08 * width))
            run = points[first : last + 1]
            canvas.line(run, width, Paint(label=1, shade=depth))
            if width > 3.2:
                canvas.line(run, 0.28 * width, Paint(shade=int(depth * (0.72 if branch.vein else 0.5))))


def _draw_lesions(rng: np.random.Generator, canvas: Canvas, eye: _Eye) -> Canvas:
    """Haemorrhages as deep as vessels, drawn below them; exudates come back on a canvas of their own."""
    bright = Canvas(canvas.shape, (0, 0, 0))
    for _ in range(int(rng.integers(2, 8))):
        place = eye.pixels(rng.uniform(-0.75, 0.75, 2))
        size = eye.radius * rng.uniform(0.015, 0.065)
        canvas.polygon(blob_outline(rng, place, size, 0.4, stretch=0.4), Paint(shade=int(rng.uniform(150, 245))))
    for _ in range(int(rng.integers(0, 4))):
        middle = rng.uniform(-0.65, 0.65, 2)
        for _ in range(int(rng.integers(4, 14))):
            place = eye.pixels(middle + rng.normal(0, 0.07, 2))
            size = eye.radius * rng.uniform(0.006, 0.022)
            bright.polygon(blob_outline(rng, place, size, 0.3), Paint(shade=int(rng.uniform(130, 255))))
    return bright


def _draw_fundus(rng: np.random.Generator, shape: Shape, eye: _Eye) -> Floats:
    """The retina without vessels, float32 (H, W, 3): tint, choroid, macula, disc."""
    mix = rng.dirichlet(np.full(len(_TINTS), 0.4)).astype(np.float32)
    image = np.ones((*shape, 3), np.float32) * (mix @ _TINTS)
    # broad winding bands of the choroid behind the retina: vessel-like, but wider, fainter and never labelled
    bands = 1 - np.abs(np.tanh(1.6 * texture(rng, shape, eye.radius * rng.uniform(0.14, 0.24))))
    choroid = rng.uniform(0.0, 0.16) * bands + 0.05 * fractal(rng, shape, eye.radius * 0.4, 4)
    image *= 1 + choroid.astype(np.float32)[..., None] * np.array([0.35, 1.0, 0.9], np.float32)
    depth = rng.uniform(0.3, 0.55)
    dark = depth * np.exp(-((eye.distance(shape, eye.macula) / rng.uniform(0.13, 0.22)) ** 2))
    image *= 1 - dark.astype(np.float32)[..., None] * np.array([0.55, 0.9, 0.8], np.float32)
    stain = np.maximum(texture(rng, shape, eye.radius * 0.45) - 0.5, 0) * rng.uniform(0.05, 0.32)
    image *= 1 - np.minimum(stain, 0.5).astype(np.float32)[..., None] * np.array([0.5, 1.0, 0.8], np.float32)
    distance = eye.distance(shape, eye.disc, rng.uniform(1.05, 1.2))
    for size, colour, opaque in ((0.17, (248, 196, 112), 0.85), (0.085, (255, 240, 186), 0.7)):
        edge = opaque / (1 + np.exp(np.clip((distance - size * rng.uniform(0.85, 1.1)) / 0.012, -40, 40)))
        alpha = edge.astype(np.float32)[..., None]
        image += alpha * (np.array(colour, np.float32) - image)
    return image


def _photograph(rng: np.random.Generator, image: Floats, eye: _Eye) -> tuple[Bytes, Bytes]:
    """Light, blur, the black surround and noise; returns image and field of view."""
    shape = (image.shape[0], image.shape[1])
    distance = eye.distance(shape, np.zeros(2))
    light = uneven_light(rng, shape, rng.uniform(0.1, 0.22))
    light *= 1 - rng.uniform(0.1, 0.4) * distance**2
    image *= np.clip(light, 0.3, 1.3)[..., None] ** np.array([0.75, 1.0, 1.0], np.float32)
    fov = (distance <= 1).astype(np.uint8)
    opening = cv2.GaussianBlur(fov.astype(np.float32), (0, 0), max(0.5, 0.004 * eye.radius))[..., None]
    image *= opening
    image += (1 - opening) * np.array([8, 7, 6], np.float32)
    image = soften(image, max(0.5, 0.004 * eye.radius))
    grain(rng, image, (1 + 3.0 * fov).astype(np.float32), 1.0)
    return to_bytes(image), fov
