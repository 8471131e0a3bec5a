"""A supersampled drawing surface, and the outlines that several scenes draw on it.

Colour, label, roughness and shade are drawn by the same strokes. Because the mask is the majority of the very coverage
that blends the colours, the two boundaries agree to half a pixel without any later alignment.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.scene import Bytes, Colour, Floats, Points, Shape

_ORDERS = np.arange(2, 6)[:, None]
"""Waves per turn of an outline; order 1 would only move it."""
_SHIFT = 4
"""Fractional bits of the coordinates that OpenCV gets."""


@dataclass(frozen=True)
class Paint:
    """Values that a stroke leaves behind in each plane; None leaves a plane as it was.

    Attributes:
        colour: (R, G, B), 0..255.
        label: Class number.
        rough: Amplitude of the fine texture, in grey values.
        shade: Strength of shadow or stain, 0..255; what it does is up to the scene.
    """

    colour: Colour | None = None
    label: int | None = None
    rough: int | None = None
    shade: int | None = None


class Canvas:
    """Planes of (H * factor, W * factor) on which strokes are drawn in coordinates (x, y) of final pixels.

    Args:
        shape: (H, W) of the final image.
        ground: uint8 (H, W, 3) image or one (R, G, B) to start from.
        rough: Roughness of the ground.
    """

    def __init__(self, shape: Shape, ground: Bytes | Colour, rough: int = 0) -> None:
        self.shape = shape
        # Fewer samples for large images, where a boundary pixel weighs less and memory more.
        self.factor = 3 if shape[0] * shape[1] <= 700**2 else 2 if shape[0] * shape[1] <= 2500**2 else 1
        size = shape[0] * self.factor, shape[1] * self.factor
        if isinstance(ground, tuple):
            colour = np.full((*size, 3), ground, np.uint8)
        else:
            colour = ground.repeat(self.factor, axis=0).repeat(self.factor, axis=1)
        label, shade = np.zeros(size, np.uint8), np.zeros(size, np.uint8)
        self._planes = {"colour": colour, "label": label, "rough": np.full(size, rough, np.uint8), "shade": shade}

    def _stroke(self, paint: Paint, draw: Callable[..., Any], geometry: tuple[Any, ...], *more: int) -> None:
        """Lets a function of OpenCV draw the same geometry on every plane that the paint changes."""
        for name, value in vars(paint).items():
            if value is not None:
                draw(self._planes[name], *geometry, value, *more, cv2.LINE_8, _SHIFT)

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        """Final pixel coordinates to fixed-point supersampled ones; a pixel's centre stays its centre."""
        step = self.factor * (1 << _SHIFT)
        offset = 0.5 * step - 0.5 * (1 << _SHIFT)
        return np.rint(points * step + offset).astype(np.int32).reshape(-1, 1, 2)

    def polygon(self, points: Points, paint: Paint) -> None:
        """Fill a polygon given by its corners (N, 2)."""
        self._stroke(paint, cv2.fillPoly, ([self._fixed(points)],))

    def circle(self, centre: Points, radius: float, paint: Paint) -> None:
        """Fill a circle."""
        fixed_radius = max(1, round(radius * self.factor * (1 << _SHIFT)))
        self._stroke(paint, cv2.circle, (self._fixed(centre).ravel().tolist(), fixed_radius), cv2.FILLED)

    def line(self, points: Points, width: float, paint: Paint, closed: bool = False) -> None:
        """Draw a polyline (N, 2) of a width in final pixels."""
        self._stroke(paint, cv2.polylines, ([self._fixed(points)], closed), max(1, round(width * self.factor)))

    def _reduced(self, plane: Bytes) -> Floats:
        return np.asarray(cv2.resize(plane, self.shape[::-1], interpolation=cv2.INTER_AREA), np.float32)

    def image(self) -> Floats:
        """The colours, float32 (H, W, 3), 0..255."""
        return self._reduced(self._planes["colour"])

    def roughness(self) -> Floats:
        """The roughness, float32 (H, W), grey values."""
        return self._reduced(self._planes["rough"])

    def shading(self, blur: float) -> Floats:
        """The shade, float32 (H, W), 0..1, smoothed by ``blur`` final pixels."""
        plane = self._reduced(self._planes["shade"]) / np.float32(255)
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), blur), np.float32)

    def mask(self, classes: int) -> Bytes:
        """The class that covers most of each pixel, uint8 (H, W)."""
        label = self._planes["label"]
        # Backwards: of two classes that cover equally much, the thin structure is the one with the higher number.
        covered = [self._reduced((label == n).astype(np.uint8) * np.uint8(255)) for n in reversed(range(classes))]
        return np.asarray(classes - 1 - np.argmax(covered, axis=0), np.uint8)


def unit_vector(angle: float | Points) -> Points:
    """Vectors (2, ...) of length 1 at angles in radians."""
    return np.array([np.cos(angle), np.sin(angle)])


def rotate(points: Points, angle: float) -> Points:
    """Rotate points (N, 2) about the origin by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]))


def blob_outline(
    rng: np.random.Generator,
    centre: Points,
    radius: float,
    wobble: float,
    corners: int = 28,
    stretch: float = 0.15,
) -> Points:
    """A smooth closed outline around a centre.

    Args:
        rng: Source of randomness.
        centre: (2,).
        radius: Mean radius.
        wobble: How far the outline departs from an ellipse, as a part of the radius.
        corners: Number of points N.
        stretch: Axes differ by up to this part.

    Returns:
        Points (N, 2).
    """
    angle = np.arange(corners) * (2 * np.pi / corners)
    # 1/order: low orders give the form, high ones the detail
    weights = wobble / _ORDERS[:, 0] * rng.standard_normal(len(_ORDERS))
    phases = rng.uniform(0, 2 * np.pi, (len(_ORDERS), 1))
    reach = np.clip(1 + weights @ np.cos(_ORDERS * angle + phases), 0.4, 1.8)
    squeeze = 1 + rng.uniform(-stretch, stretch)
    outline = np.stack([np.cos(angle) * squeeze, np.sin(angle) / squeeze], axis=1) * reach[:, None] * radius
    return centre + rotate(outline, rng.uniform(0, 2 * np.pi))
