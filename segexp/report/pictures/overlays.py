"""Layers of a picture as the page lays them over the image: PNGs that are transparent where there is nothing to see."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.colours import Colour
from segexp.report.pictures.pixels import DARK, DIMMED, Pixels, errors_to_rgb
from segexp.spec import IGNORED, DataSpec

RIGHT_ALPHA = round(255 * DIMMED)
"""How much of a right pixel is seen among the errors, in the colour of its class: on black as in a panel."""
FOUND_ALPHA, NOT_COUNTED_ALPHA = 240, 150
"""The same for the foreground of two classes, and for what counts nowhere: enough for their brightness on black."""
OUTLINE_SIDE = 512
"""Outlines are drawn at this many pixels a side or more, or they would cover small images."""
DASH = 4
"""Dashes tell the outline of the prediction from that of the truth."""

Rgba = NDArray[np.uint8]


def fill_classes(labels: Pixels, colours: Sequence[Colour]) -> Rgba:
    """Class numbers (H, W) as (H, W, 4) in the colours of the classes; dark ones (backgrounds) and 255 transparent."""
    table = np.zeros((256, 4), np.uint8)
    for number, colour in enumerate(colours):
        table[number] = (*colour, 255 if max(colour) > DARK else 0)
    # One number of 32 bits a pixel: four times as fast as taking rows of four.
    return table.view(np.uint32)[:, 0][labels].view(np.uint8).reshape(*labels.shape, 4)


def outline_classes(labels: Pixels, colours: Sequence[Colour], dash: int = 0) -> Rgba:
    """The borders of the areas that :func:`fill_classes` paints, as (h, w, 4), enlarged where the image is small.

    Args:
        labels: uint8 (H, W), class numbers or 255.
        colours: Of the classes.
        dash: Length of dashes in pixels; 0: lines without gaps.
    """
    factor = max(1, -(-OUTLINE_SIDE // max(labels.shape)))
    large = labels.repeat(factor, axis=0).repeat(factor, axis=1)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    border = cv2.dilate(large, cross) != cv2.erode(large, cross)
    if dash:
        rows, columns = np.ogrid[: large.shape[0], : large.shape[1]]
        border &= (rows + columns) // dash % 2 == 0
    return fill_classes(np.where(border, large, np.uint8(IGNORED)), colours)


def overlay_errors(truth: Pixels, prediction: Pixels, spec: DataSpec) -> Rgba:
    """The errors of a panel as (H, W, 4) that looks on black as the panel does: wrong pixels opaque, others fainter.

    The colours are those of :func:`segexp.report.pictures.pixels.errors_to_rgb`.
    """
    ignored = (truth == IGNORED) | (prediction == IGNORED)
    wrong = (truth != prediction) & ~ignored
    on_black = errors_to_rgb(truth, prediction, spec)
    painted = fill_classes(truth, spec.colours)
    painted[..., 3] = np.where(painted[..., 3] > 0, RIGHT_ALPHA, 0)
    painted[wrong, :3], painted[wrong, 3] = on_black[wrong], 255
    _see_through(painted, on_black, ignored, NOT_COUNTED_ALPHA)
    if spec.is_binary:
        _see_through(painted, on_black, (truth == 1) & (prediction == 1), FOUND_ALPHA)
    return painted


def _see_through(painted: Rgba, on_black: Pixels, where: NDArray[np.bool_], alpha: int) -> None:
    """Paints pixels so that they let the image through, and look on black as in ``on_black``."""
    painted[where, :3] = np.rint(on_black[where] * (255 / alpha)).astype(np.uint8)
    painted[where, 3] = alpha


def colour_probability(probability: Pixels) -> Pixels:
    """Probability times 255 (H, W) as (H, W, 3) RGB, from dark blue over green to yellow."""
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(probability, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB), np.uint8)
