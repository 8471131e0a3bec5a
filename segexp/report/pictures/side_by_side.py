"""Pictures of images alone: beside each other with captions, or in a grid."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.captions import PAPER, draw_text
from segexp.report.pictures.displayed import display_small
from segexp.report.pictures.panels import enlarge, enlargement, text_size
from segexp.report.pictures.pixels import Pixels

Image = NDArray[Any]


def unit_pixels(image: Image) -> Pixels:
    """An image of numbers, of which 0 is black and 1 white, as bytes of the same shape; others are cut off."""
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255), np.uint8)


def draw_beside(images: Mapping[str, Pixels], title: str) -> Pixels:
    """Images beside each other, each under its name, all under a title.

    Args:
        images: uint8 (H, W, C) by name, of one size.
        title: Name and figures of the image.

    Returns:
        uint8 (h, w, 3) RGB; small images are enlarged by a whole factor, large ones reduced.
    """
    shown = {name: _shown(image) for name, image in images.items()}
    size = text_size(next(iter(shown.values())).shape[1])
    gap = size // 2
    columns = []
    for name, rgb in shown.items():
        strip = np.full((round(size * 1.6), rgb.shape[1], 3), PAPER, np.uint8)
        draw_text(strip, name, 0, round(size * 1.1), size, bold=True)
        columns += [np.concatenate([strip, rgb]), np.full((len(strip) + len(rgb), gap, 3), PAPER, np.uint8)]
    return _titled(np.concatenate(columns[:-1], axis=1), [title], size)


def _shown(image: Pixels) -> Pixels:
    return enlarge(display_small(image, np.ones(image.shape[:2], bool)), enlargement(image.shape[:2]))


def draw_grid(images: Image, lines: Sequence[str], gap: int = 2) -> Pixels:
    """Images in rows and columns under lines of text.

    Args:
        images: uint8 (rows, columns, H, W, C).
        lines: What is to be seen, the first one bold.
        gap: Pixels between them.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    rows = []
    for row in images:
        cells = [_cell(image) for image in row]
        upright = np.full((len(cells[0]), gap, 3), PAPER, np.uint8)
        rows.append(np.concatenate([part for cell in cells for part in (cell, upright)][:-1], axis=1))
    level = np.full((gap, rows[0].shape[1], 3), PAPER, np.uint8)
    return _titled(np.concatenate([part for row in rows for part in (row, level)][:-1]), lines, 13)


def _cell(image: Pixels) -> Pixels:
    return display_small(image, np.ones(image.shape[:2], bool))


def _titled(body: Pixels, lines: Sequence[str], size: int) -> Pixels:
    """Lines of text above, and a white margin around."""
    strip = np.full((round(size * (1.5 * len(lines) + 0.6)), body.shape[1], 3), PAPER, np.uint8)
    for number, line in enumerate(lines):
        draw_text(strip, line, 0, round(size * (1.5 * number + 1.2)), size, bold=number == 0)
    gap = size // 2
    whole = np.concatenate([strip, body])
    return np.pad(whole, ((gap, gap), (gap, gap), (0, 0)), constant_values=PAPER[0])
