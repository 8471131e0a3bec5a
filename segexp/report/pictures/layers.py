"""What a test keeps of an image so that its report can lay truth, prediction and errors over it: plain small PNGs."""

from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures.displayed import LARGEST_SIDE, shrink_image
from segexp.report.pictures.embedded import LARGEST, is_small_png
from segexp.report.pictures.pixels import Pixels
from segexp.report.pictures.png import COMPACT, save_png

NAMES = ("image", "truth", "prediction", "probability")
"""Files of a picture, ``<name>.png``: RGB, class numbers (255: not counted), and probability times 255."""


def confidence_map(probabilities: NDArray[np.float32]) -> Pixels:
    """Draws the probability of the second of two classes, else of the most probable class, no larger than it is shown.

    Args:
        probabilities: float32 (K, H, W), 0..1, of two classes one plane.

    Returns:
        uint8 (h, w), 0..255.
    """
    plane = probabilities[0] if len(probabilities) == 1 else probabilities.max(axis=0)
    return np.asarray(np.rint(np.clip(shrink_image(plane), 0, 1) * 255), np.uint8)


def save_layers(folder: Path, layers: Mapping[str, Pixels]) -> None:
    """Write ``<name>.png`` for each layer: uint8 (h, w, 3) RGB or (h, w); ``folder`` is made."""
    for name, pixels in layers.items():
        save_png(folder / f"{name}.png", pixels, COMPACT)


def read_layer(path: Path) -> Pixels:
    """A layer as it was written.

    Args:
        path: File of :func:`save_layers`.

    Returns:
        uint8 (h, w, 3) RGB or (h, w).

    Raises:
        DataError: It is no PNG of that kind.
    """
    content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    known = is_small_png(content, LARGEST_SIDE**2)
    pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED) if known else None
    if pixels is None or pixels.dtype != np.uint8 or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise DataError(f"{path} is no PNG of 8 bits, grey or RGB. Was it cut short or replaced? Run the test again.")
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB) if pixels.ndim == 3 else pixels, np.uint8)
