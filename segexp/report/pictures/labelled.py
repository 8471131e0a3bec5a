"""One picture per image with a class: the image, above it what it is and what it was taken for."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.captions import PAPER, draw_text
from segexp.report.pictures.displayed import display_small
from segexp.report.pictures.panels import enlarge, enlargement, text_size
from segexp.report.pictures.pixels import Pixels

RIGHT, WRONG = (34, 139, 34), (190, 30, 45)
"""Colour of the frame where the prediction is right, and where it is wrong."""


def draw_labelled(image: NDArray[np.generic], lines: Sequence[str], *, right: bool) -> Pixels:
    """Draws an image under lines of text, in a frame that says whether the prediction is right.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 1) or (H, W, C), channels last, not normalised.
        lines: Name, truth and prediction, say; the first is bold.
        right: Green frame or red one.

    Returns:
        uint8 (h, w, 3) RGB. Small images are enlarged (nearest, whole factor), large ones reduced, as those of
        :func:`segexp.report.pictures.panels.draw_panel`.
    """
    small = display_small(image, np.ones(image.shape[:2], bool))
    rgb = enlarge(small, enlargement(image.shape[:2]))
    size = text_size(rgb.shape[1])
    edge = max(3, size // 4)
    framed = np.full((rgb.shape[0] + 2 * edge, rgb.shape[1] + 2 * edge, 3), RIGHT if right else WRONG, np.uint8)
    framed[edge:-edge, edge:-edge] = rgb
    strip = np.full((round(size * (1.5 * len(lines) + 0.5)), framed.shape[1], 3), PAPER, np.uint8)
    for number, line in enumerate(lines):
        draw_text(strip, line, edge, round(size * (1.5 * number + 1.2)), size, bold=number == 0)
    return np.concatenate([strip, framed])
