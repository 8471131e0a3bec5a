"""A drawn image, and a kind of drawing."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[int, int, int]
Shape = tuple[int, int]
Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Points = NDArray[np.float64]
"""(N, 2) or (2,), x and y."""


@dataclass(frozen=True)
class Scene:
    """One synthetic image with its truth.

    Attributes:
        image: uint8 (H, W, 3), RGB.
        mask: uint8 (H, W), class numbers 0..K-1 everywhere, also outside the field of view.
        fov: uint8 (H, W), 1 inside the field of view and 0 outside; all ones where there is none.
        kind: Number of the kind of the main object (cells: 1 neutrophil, 2 lymphocyte, 3 monocyte,
            4 eosinophil, 5 basophil); 0 where a scene has no such kinds.
    """

    image: Bytes
    mask: Bytes
    fov: Bytes
    kind: int = 0


Painter = Callable[[np.random.Generator, Shape], Scene]
"""Draws one scene of a shape (H, W); the same state of the generator gives the same bytes."""


@dataclass(frozen=True)
class SceneInfo:
    """A kind of drawing.

    Attributes:
        classes: Class names in the order of the mask values.
        colours: One (R, G, B) of 0..255 per class, for panels.
        paint: Draws one.
    """

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    paint: Painter


def to_colour(values: ArrayLike, low: float = 0, high: float = 255) -> Colour:
    """Three numbers as a colour: clipped to ``low`` .. ``high``, their fractions cut off."""
    red, green, blue = np.clip(values, low, high).astype(int).tolist()
    return red, green, blue
