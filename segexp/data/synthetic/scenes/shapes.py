"""Outlines that several scenes share, as corner lists (N, 2) of (x, y)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segexp.data.synthetic.scenes.scene import Shape

Points = NDArray[np.float64]

_ORDERS = np.arange(2, 6)[:, None]
"""Waves per turn of an outline; order 1 would only move it."""


def blob(
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
    return centre + turn(outline, rng.uniform(0, 2 * np.pi))


def turn(points: Points, angle: float) -> Points:
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
        return np.asarray(self.centre + turn(np.array([(-a, -b), (a, -b), (a, b), (-a, b)]), self.angle))


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
        return np.asarray(self.centre + self.scale * turn(points, self.angle))

    def sees(self, places: Points, reach: float) -> NDArray[np.bool_]:
        """Which places (N, 2) of the plan have the image within ``reach``, bool (N,)."""
        pixels = self.pixels(places)
        margin = reach * self.scale
        limits = np.array([self.shape[1], self.shape[0]]) + margin
        return np.asarray(((pixels > -margin) & (pixels < limits)).all(axis=-1))
