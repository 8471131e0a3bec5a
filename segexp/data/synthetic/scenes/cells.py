"""A stained blood smear: white cells with lobed nuclei among red cells and platelets.

Only white cells are labelled. Red cells have the colours of cytoplasm, platelets and specks of stain those of
nuclei, and the stain itself is uneven.
"""

from dataclasses import dataclass, replace
from functools import partial

import numpy as np

from segexp.data.synthetic.scenes.canvas import Canvas, Paint, blob_outline, rotate, unit_vector
from segexp.data.synthetic.scenes.degrade import expose, soften, texture, uneven_light
from segexp.data.synthetic.scenes.large import LARGE, draw_mosaic
from segexp.data.synthetic.scenes.scene import Colour, Floats, Points, Scene, Shape, to_colour

_KINDS = (0.34, 0.24, 0.18, 0.14, 0.10)
"""Of neutrophils, lymphocytes, monocytes, eosinophils, basophils; rare ones more often than in blood."""


@dataclass(frozen=True)
class _Stain:
    """Colours of one slide."""

    plasma: Colour
    red: Colour
    nucleus: Colour


_STAINS = (
    _Stain((246, 226, 204), (216, 150, 142), (92, 46, 132)),
    _Stain((250, 240, 172), (222, 176, 128), (84, 30, 88)),
    _Stain((240, 232, 238), (208, 160, 172), (86, 52, 142)),
    _Stain((228, 214, 200), (188, 138, 136), (98, 58, 140)),
)


@dataclass(frozen=True)
class _WhiteCell:
    """Centre (2,) and radius in pixels; kind 1..5 as in the label files of the real set."""

    centre: Points
    radius: float
    kind: int


def paint_cells(rng: np.random.Generator, shape: Shape) -> Scene:
    """Draw one field of a blood smear, or a mosaic of pieces of one stain.

    Args:
        rng: Source of randomness.
        shape: (H, W); cells keep their size in pixels, below 110 pixels they shrink with the image.

    Returns:
        Scene with mask 0 (background, red cells and platelets), 1 (cytoplasm), 2 (nucleus), fov all ones, and
        the kind of the white cell in the middle.
    """
    stain = _prepare(rng)
    if shape[0] * shape[1] > LARGE:
        return draw_mosaic(partial(_paint, stain=stain), rng, shape)
    return _paint(rng, shape, stain)


def _paint(rng: np.random.Generator, shape: Shape, stain: _Stain) -> Scene:
    scale = min(1.0, min(shape) / 110)
    white = _place_white(rng, shape, scale)
    canvas = Canvas(shape, stain.plasma, rough=2)
    painter = _SmearPainter(rng, canvas, stain)
    pale = rng.uniform(0.25, 0.8)
    for place, radius in _place_red(rng, shape, scale, white):
        painter.draw_red(place, radius, pale)
    painter.draw_platelets(scale)
    for cell in white:
        painter.draw_white(cell)
    image = soften(canvas.image(), 0.8)
    _stain_unevenly(rng, image, scale)
    return expose(rng, image, canvas, 3, (0.5, 0.8), 3.0, white[0].kind)


def _blend(rng: np.random.Generator, one: Colour, other: Colour, share: float, spread: float = 5) -> Colour:
    """``share`` of the second colour, slightly off."""
    return to_colour((1 - share) * np.array(one) + share * np.array(other) + rng.normal(0, spread, 3))


def _prepare(rng: np.random.Generator) -> _Stain:
    """One slide: red cells from salmon to the mauve of cytoplasm, nuclei deep or washed out."""
    base = _STAINS[int(rng.integers(len(_STAINS)))]
    red = _blend(rng, base.red, (180, 138, 164), rng.uniform(0.0, 0.8))
    return _Stain(
        _blend(rng, base.plasma, red, rng.uniform(0, 0.15)),
        _blend(rng, red, (128, 66, 92), rng.uniform(0.0, 0.3)),
        _blend(rng, base.nucleus, base.plasma, rng.uniform(0.0, 0.18)),
    )


def _place_white(rng: np.random.Generator, shape: Shape, scale: float) -> list[_WhiteCell]:
    """One cell near the middle, then others, half of which touch an earlier one."""
    middle = np.array([shape[1] - 1, shape[0] - 1]) / 2
    number = 1 + int(rng.poisson(max(0.0, shape[0] * shape[1] / (105 * scale) ** 2 - 0.7)))
    found: list[_WhiteCell] = []
    for attempt in range(4 * number):
        if len(found) == number:
            break
        kind = 1 + int(rng.choice(5, p=_KINDS))
        # lymphocytes are the smallest white cells, monocytes the largest
        radius = scale * rng.uniform(24, 31) * {2: 0.84, 3: 1.15}.get(kind, 1.0)
        if attempt == 0:
            centre = middle + rng.uniform(-0.06, 0.06, 2) * min(shape)
        elif rng.random() < 0.5:
            host = found[int(rng.integers(len(found)))]
            away = unit_vector(rng.uniform(0, 2 * np.pi))
            centre = host.centre + (host.radius + radius) * rng.uniform(0.92, 1.0) * away
        else:
            centre = rng.uniform(0, 1, 2) * (shape[1], shape[0])
        if all(np.hypot(*(cell.centre - centre)) > 0.9 * (cell.radius + radius) for cell in found):
            found.append(_WhiteCell(centre, radius, kind))
    return found


def _place_red(
    rng: np.random.Generator, shape: Shape, scale: float, white: list[_WhiteCell]
) -> list[tuple[Points, float]]:
    """Red cells that overlap each other a little and white cells hardly."""
    number = int(rng.poisson(rng.uniform(0.5, 1.6) * shape[0] * shape[1] / (33 * scale) ** 2))
    places = rng.uniform(-0.02, 1.02, (number, 2)) * (shape[1], shape[0])
    radii = scale * rng.uniform(14.5, 17.5) * rng.uniform(0.9, 1.1, number)
    kept = np.zeros((number + len(white), 3))
    kept[: len(white)] = [(*cell.centre, cell.radius) for cell in white]
    count = len(white)
    for place, radius in zip(places, radii, strict=True):
        gap = np.hypot(*(kept[:count, :2] - place).T) / (kept[:count, 2] + radius)
        if gap.min(initial=np.inf) > 0.83:
            kept[count] = (*place, radius)
            count += 1
    return [(row[:2].copy(), float(row[2])) for row in kept[len(white) : count]]


class _SmearPainter:
    """Draws the cells of one slide."""

    def __init__(self, rng: np.random.Generator, canvas: Canvas, stain: _Stain) -> None:
        self.rng, self.canvas, self.stain = rng, canvas, stain

    def draw_red(self, place: Points, radius: float, pale: float) -> None:
        """Draws a disc with a darker rim and a pale middle."""
        rng, stain = self.rng, self.stain
        colour = _blend(rng, stain.red, stain.plasma, rng.uniform(0.0, 0.25), 4)
        if rng.random() < 0.12:  # a young red cell takes up the blue of cytoplasm
            colour = _blend(rng, colour, (150, 138, 182), rng.uniform(0.3, 0.8))
        rim = _blend(rng, colour, (120, 60, 90), 0.18, 2)
        outline = blob_outline(rng, place, radius, 0.06)
        self.canvas.polygon(outline, Paint(colour, rough=3))
        self.canvas.line(outline, 0.1 * radius, Paint(rim), closed=True)
        for ring, share in ((0.58, 0.35), (0.46, 0.7), (0.34, 1.0)):
            paint = Paint(_blend(rng, colour, stain.plasma, pale * share, 1))
            self.canvas.polygon(place + ring * (outline - place), paint)

    def draw_platelets(self, scale: float) -> None:
        """Draws small purple grains between the cells, and specks of precipitated stain."""
        rng, stain = self.rng, self.stain
        height, width = self.canvas.shape
        for _ in range(int(rng.poisson(height * width / (70 * scale) ** 2))):
            place = rng.uniform(0, 1, 2) * (width, height)
            colour = _blend(rng, stain.nucleus, stain.plasma, rng.uniform(0.15, 0.6), 6)
            outline = blob_outline(rng, place, scale * rng.uniform(2.2, 5.0), 0.25, 14)
            self.canvas.polygon(outline, Paint(colour, rough=14))
        for _ in range(int(rng.poisson(height * width / (60 * scale) ** 2 * rng.choice((0.2, 2.0))))):
            place = rng.uniform(0, 1, 2) * (width, height)
            self.canvas.circle(place, scale * rng.uniform(0.6, 1.6), Paint(stain.nucleus))

    def draw_white(self, cell: _WhiteCell) -> None:
        """Draws cytoplasm, grains and nucleus of a white cell."""
        rng, stain = self.rng, self.stain
        colour, rough = self._mix_cytoplasm(cell.kind)
        outline = blob_outline(rng, cell.centre, cell.radius, 0.14 if cell.kind == 3 else 0.07, 40)
        self.canvas.polygon(outline, Paint(colour, 1, rough))
        rim = Paint(_blend(rng, colour, stain.nucleus, 0.3, 2))
        self.canvas.line(cell.centre + 0.975 * (outline - cell.centre), 0.05 * cell.radius, rim, closed=True)
        if cell.kind in (4, 5):
            grains = Paint(_blend(rng, colour, (226, 110, 90) if cell.kind == 4 else stain.nucleus, 0.6))
            for _ in range(60):
                reach = 0.88 * cell.radius * np.sqrt(rng.random())
                spot = cell.centre + reach * unit_vector(rng.uniform(0, 2 * np.pi))
                self.canvas.circle(spot, cell.radius * rng.uniform(0.025, 0.05), grains)
        dye = Paint(_blend(rng, stain.nucleus, stain.plasma, rng.uniform(0.0, 0.15), 6), 2, 17)
        # Three to five lobes of neutrophils and two of eosinophils; monocytes and basophils have broad kidneys.
        draw = {2: self._draw_round, 3: self._draw_kidney, 5: self._draw_kidney}.get(cell.kind, self._draw_lobes)
        draw(cell, dye)

    def _mix_cytoplasm(self, kind: int) -> tuple[Colour, int]:
        """Colour and roughness by kind: 1, 4 and 5 take the colours of red cells, 2 and 3 are bluish."""
        rng, stain = self.rng, self.stain
        blue = _blend(rng, (166, 152, 190), stain.plasma, rng.uniform(0.05, 0.4))
        if kind in (2, 3):
            return blue, 9
        if kind == 4:
            return _blend(rng, stain.red, (222, 140, 110), rng.uniform(0.1, 0.6)), 22
        return _blend(rng, blue, stain.red, rng.uniform(0.3, 0.8)), 16 if kind == 1 else 26

    def _draw_round(self, cell: _WhiteCell, paint: Paint) -> None:
        """Draws a nucleus that fills most of the cell and lies off its middle."""
        size = cell.radius * self.rng.uniform(0.68, 0.8)
        away = unit_vector(self.rng.uniform(0, 2 * np.pi))
        middle = cell.centre + (0.9 * cell.radius - size) * self.rng.random() * away
        self.canvas.polygon(blob_outline(self.rng, middle, size, 0.05, stretch=0.06), paint)

    def _draw_kidney(self, cell: _WhiteCell, paint: Paint) -> None:
        """Draws a thick bent band: from a bean to a horseshoe."""
        rng = self.rng
        band = cell.radius * rng.uniform(0.26, 0.36)
        path = _arc(cell.radius * 0.4, rng.uniform(1.6, 3.9), 9) * rng.uniform(0.9, 1.1, (9, 1))
        path = cell.centre + rotate(path, rng.uniform(0, 2 * np.pi))
        for number, point in enumerate(path):
            swell = 1.0 + 0.12 * np.cos(number * 1.9 + cell.radius)
            self.canvas.polygon(blob_outline(rng, point, band * swell, 0.08, 20), paint)
        self.canvas.line(path, 1.6 * band, paint)

    def _draw_lobes(self, cell: _WhiteCell, paint: Paint) -> None:
        """Draws lobes along an arc, joined by thin threads."""
        rng, radius = self.rng, cell.radius
        lobes = 2 if cell.kind == 4 else int(rng.integers(3, 6))
        path = _arc(radius * 0.45, min(4.0, 1.4 * (lobes - 1)) * rng.uniform(0.85, 1.1), lobes)
        path = cell.centre + rotate(path * rng.uniform(0.8, 1.1, (lobes, 1)), rng.uniform(0, 2 * np.pi))
        self.canvas.line(path, max(1.0, radius * rng.uniform(0.12, 0.3)), paint)
        for point in path:
            size = radius * rng.uniform(0.24, 0.32) * (1.25 if lobes == 2 else 1.0)
            outline = blob_outline(rng, point, size, 0.2, 20)
            tone = to_colour(np.array(paint.colour) * rng.uniform(0.92, 1.08))
            self.canvas.polygon(outline, replace(paint, colour=tone))


def _arc(radius: float, sweep: float, points: int) -> Points:
    """Points (N, 2) on a circle around the origin."""
    return radius * unit_vector(np.linspace(-sweep / 2, sweep / 2, points)).T


def _stain_unevenly(rng: np.random.Generator, image: Floats, scale: float) -> None:
    """Stain that lies thicker in places, the red one and the blue one apart, in place."""
    shape = (image.shape[0], image.shape[1])
    for taken in ((0.6, 1.1, 0.8), (0.1, 0.3, 1.0)):
        thick = texture(rng, shape, 75 * scale) * np.float32(rng.uniform(0.01, 0.05))
        image *= 1 - np.clip(thick, -0.1, 0.2)[..., None] * np.array(taken, np.float32)
    image *= uneven_light(rng, shape, rng.uniform(0.03, 0.12))[..., None]
