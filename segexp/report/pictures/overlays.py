"""Layers of a picture as the page lays them over the image: PNGs that are transparent where there is nothing to see."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.colours import Colour
from segexp.report.pictures.pixels import DARK, TRUE_POSITIVE, Pixels, error_colours, wrong_colours
from segexp.spec import IGNORED, DataSpec

RIGHT_ALPHA = 70
"""How much of a right pixel is seen among the errors, in the colour of its class."""
FOUND_ALPHA = 200
"""The same for the foreground of two classes: on black it must not look like a pixel that is not counted."""
NOT_COUNTED: tuple[int, int, int, int] = (134, 134, 134, 150)
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
    """Wrong pixels opaque, right ones fainter, (H, W, 4); colours of ``errors_to_rgb``."""
    ignored = (truth == IGNORED) | (prediction == IGNORED)
    wrong = (truth != prediction) & ~ignored
    painted = fill_classes(truth, spec.colours)
    painted[..., 3] = np.where(painted[..., 3] > 0, RIGHT_ALPHA, 0)
    if spec.is_binary:
        painted[(truth == 1) & ~wrong] = (*TRUE_POSITIVE, FOUND_ALPHA)
        positive, negative = error_colours(spec)
        painted[wrong & (truth == 0)] = (*positive, 255)
        painted[wrong & (truth == 1)] = (*negative, 255)
    else:
        bright = np.array([(*colour, 255) for colour in wrong_colours(spec)], np.uint8)
        painted[wrong] = bright[truth[wrong]]
    painted[ignored] = NOT_COUNTED
    return painted


def colour_probability(probability: Pixels) -> Pixels:
    """Probability times 255 (H, W) as (H, W, 3) RGB, from dark blue over green to yellow."""
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(probability, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB), np.uint8)
