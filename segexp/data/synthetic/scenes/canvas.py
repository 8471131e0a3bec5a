"""A supersampled drawing surface: colour, label, roughness and shade are drawn by the same strokes.

Because the mask is the majority of the very coverage that blends the colours, the two boundaries agree to
half a pixel without any later alignment.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.scene import Bytes, Colour, Shape

Points = NDArray[np.float64]

_ORDERS = np.arange(2, 6)[:, None]
"""Waves per turn of an outline; order 1 would only move it."""


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
    reach = 1 + weights @ np.cos(_ORDERS * angle + phases)
    reach = np.minimum(np.maximum(reach, 0.4), 1.8)
    squeeze = 1 + rng.uniform(-stretch, stretch)
    outline = np.stack([np.cos(angle) * squeeze, np.sin(angle) / squeeze], axis=1) * reach[:, None] * radius
    return centre + rotate(outline, rng.uniform(0, 2 * np.pi))


def rotate(points: Points, angle: float) -> Points:
    """Rotate points (N, 2) about the origin by an angle in radians."""
    cos, sin = np.cos(angle), np.sin(angle)
    return np.asarray(points @ np.array([[cos, sin], [-sin, cos]]))


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
class Frame:
    """From a plan to an image of ``shape`` (H, W): turn by ``angle``, scale, origin to the middle."""

    shape: Shape
    angle: float
    scale: float

    @property
    def centre(self) -> Points:
        """Middle of the image (2,)."""
        return np.array([self.shape[1] - 1, self.shape[0] - 1]) / 2

    def pixels(self, points: Points) -> Points:
        """Points (N, 2) or (2,) of the plan in image coordinates."""
        return np.asarray(self.centre + self.scale * rotate(points, self.angle))

    def sees(self, places: Points, reach: float) -> NDArray[np.bool_]:
        """Tells which places (N, 2) of the plan have the image within ``reach``, bool (N,)."""
        pixels = self.pixels(places)
        margin = reach * self.scale
        limits = np.array([self.shape[1], self.shape[0]]) + margin
        return np.asarray(((pixels > -margin) & (pixels < limits)).all(axis=-1))


Floats = NDArray[np.float32]

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


def _factor(shape: Shape) -> int:
    """Fewer samples for large images, where a boundary pixel weighs less and memory more."""
    pixels = shape[0] * shape[1]
    return 3 if pixels <= 700**2 else 2 if pixels <= 2500**2 else 1


class Canvas:
    """Planes of (H * factor, W * factor) on which strokes are drawn in coordinates (x, y) of final pixels.

    Args:
        shape: (H, W) of the final image.
        ground: uint8 (H, W, 3) image or one (R, G, B) to start from.
        rough: Roughness of the ground.
    """

    def __init__(self, shape: Shape, ground: Bytes | Colour, rough: int = 0) -> None:
        self.shape = shape
        self.factor = _factor(shape)
        height, width = (side * self.factor for side in shape)
        if isinstance(ground, tuple):
            self.colour: Bytes = np.full((height, width, 3), ground, np.uint8)
        else:
            self.colour = ground.repeat(self.factor, axis=0).repeat(self.factor, axis=1)
        self.label: Bytes = np.zeros((height, width), np.uint8)
        self.rough: Bytes = np.full((height, width), rough, np.uint8)
        self.shade: Bytes = np.zeros((height, width), np.uint8)

    def _targets(self, paint: Paint) -> list[tuple[Bytes, Colour | int]]:
        pairs = [
            (self.colour, paint.colour),
            (self.label, paint.label),
            (self.rough, paint.rough),
            (self.shade, paint.shade),
        ]
        return [(plane, value) for plane, value in pairs if value is not None]

    def _fixed(self, points: Points) -> NDArray[np.int32]:
        """Final pixel coordinates to fixed-point supersampled ones; a pixel's centre stays its centre."""
        step = self.factor * (1 << _SHIFT)
        offset = 0.5 * step - 0.5 * (1 << _SHIFT)
        return np.rint(points * step + offset).astype(np.int32).reshape(-1, 1, 2)

    def polygon(self, points: Points, paint: Paint) -> None:
        """Fill a polygon given by its corners (N, 2)."""
        fixed = self._fixed(points)
        for plane, value in self._targets(paint):
            cv2.fillPoly(plane, [fixed], value, cv2.LINE_8, _SHIFT)

    def circle(self, centre: Points, radius: float, paint: Paint) -> None:
        """Fill a circle."""
        x, y = self._fixed(centre).ravel().tolist()
        fixed_radius = max(1, round(radius * self.factor * (1 << _SHIFT)))
        for plane, value in self._targets(paint):
            cv2.circle(plane, (x, y), fixed_radius, value, cv2.FILLED, cv2.LINE_8, _SHIFT)

    def line(self, points: Points, width: float, paint: Paint, closed: bool = False) -> None:
        """Draw a polyline (N, 2) of a width in final pixels."""
        fixed = self._fixed(points)
        thickness = max(1, round(width * self.factor))
        for plane, value in self._targets(paint):
            cv2.polylines(plane, [fixed], closed, value, thickness, cv2.LINE_8, _SHIFT)

    def _reduced(self, plane: Bytes) -> Floats:
        height, width = self.shape
        small = cv2.resize(plane, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, np.float32)

    def image(self) -> Floats:
        """The colours, float32 (H, W, 3), 0..255."""
        return self._reduced(self.colour)

    def roughness(self) -> Floats:
        """The roughness, float32 (H, W), grey values."""
        return self._reduced(self.rough)

    def shading(self, blur: float = 0.0) -> Floats:
        """The shade, float32 (H, W), 0..1, smoothed by ``blur`` final pixels."""
        plane = self._reduced(self.shade) / np.float32(255)
        return np.asarray(cv2.GaussianBlur(plane, (0, 0), blur) if blur > 0 else plane, np.float32)

    def mask(self, classes: int) -> Bytes:
        """The class that covers most of each pixel, uint8 (H, W)."""
        best = np.zeros(self.shape, np.uint8)
        most = self._reduced((self.label == 0).astype(np.uint8) * np.uint8(255))
        for number in range(1, classes):
            covered = self._reduced((self.label == number).astype(np.uint8) * np.uint8(255))
            # >= : a thin structure that covers exactly half of a pixel keeps it
            best[covered >= most] = number
            most = np.maximum(most, covered)
        return best
