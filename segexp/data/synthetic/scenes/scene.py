"""What a drawn image is, and what a kind of drawing promises."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Shape = tuple[int, int]
Bytes = NDArray[np.uint8]


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


@dataclass(frozen=True)
class SceneInfo:
    """A kind of drawing.

    Attributes:
        classes: Class names in the order of the mask values.
        colours: One (R, G, B) of 0..255 per class, for panels.
        paint: Draws one scene of a shape (H, W); the same state of the generator gives the same bytes.
    """

    classes: tuple[str, ...]
    colours: tuple[Colour, ...]
    paint: Callable[[np.random.Generator, Shape], Scene]
