"""Labels to colours: label maps and the map of errors, before any caption."""

import numpy as np
from numpy.typing import NDArray

from segexp.spec import IGNORED, DataSpec

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) labels."""
Colour = tuple[int, int, int]

# orange and blue stay apart for every common colour blindness, and both from white, black and grey
TRUE_POSITIVE: Colour = (235, 235, 235)
FALSE_POSITIVE: Colour = (255, 140, 0)
FALSE_NEGATIVE: Colour = (30, 136, 255)
TRUE_NEGATIVE: Colour = (0, 0, 0)
IGNORED_DARK: Colour = (112, 112, 112)
IGNORED_LIGHT: Colour = (134, 134, 134)

_DIMMED = 0.35
DARK = 60
"""A class whose colour is no brighter (most backgrounds) looks the same among errors as in the truth."""


def labels_to_rgb(labels: Pixels, spec: DataSpec) -> Pixels:
    """Paint a label map in the class colours.

    Args:
        labels: uint8 (H, W), values 0..K-1 and 255.
        spec: Gives the colours.

    Returns:
        uint8 (H, W, 3) RGB; 255 is a grey hatch.
    """
    table = np.zeros((256, 3), np.uint8)
    table[: spec.num_classes] = spec.colours
    return _hatched(table[labels], labels == IGNORED)


def errors_to_rgb(truth: Pixels, prediction: Pixels, spec: DataSpec) -> Pixels:
    """Paint where a prediction is wrong.

    Two classes: true positive light grey, false positive orange, false negative blue, true negative as the truth if
    that is dark, else black. More classes: the colour of the truth, dimmed where right (unless it is dark), bright
    where wrong (:func:`wrong_colours`).

    Args:
        truth: uint8 (H, W), values 0..K-1 and 255.
        prediction: uint8 (H, W), the same values.
        spec: Gives the classes and colours.

    Returns:
        uint8 (H, W, 3) RGB; pixels that do not count are a grey hatch.
    """
    ignored = (truth == IGNORED) | (prediction == IGNORED)
    known_truth, known_prediction = np.where(ignored, 0, truth), np.where(ignored, 0, prediction)
    if spec.is_binary:
        right = spec.colours[0] if max(spec.colours[0]) <= DARK else TRUE_NEGATIVE
        table = np.array([right, FALSE_POSITIVE, FALSE_NEGATIVE, TRUE_POSITIVE], np.uint8)
        return _hatched(table[known_truth * 2 + known_prediction], ignored)
    dimmed = np.array([_dimmed(colour) for colour in spec.colours], np.uint8)
    bright = np.array(wrong_colours(spec), np.uint8)
    wrong = known_truth != known_prediction
    return _hatched(np.where(wrong[:, :, None], bright[known_truth], dimmed[known_truth]), ignored)


def wrong_colours(spec: DataSpec) -> tuple[Colour, ...]:
    """The colour per class of its wrong pixels: its own, raised to full brightness.

    A class that is nearly black (most backgrounds) would stay invisible; it gets white, or magenta where
    another class is nearly white.
    """
    white_taken = any(min(colour) > 190 for colour in spec.colours)
    stand_in: Colour = (255, 0, 255) if white_taken else (255, 255, 255)
    return tuple(_bright(colour) if max(colour) > DARK else stand_in for colour in spec.colours)


def _dimmed(colour: Colour) -> Colour:
    red, green, blue = (round(value * _DIMMED) for value in colour)
    return colour if max(colour) <= DARK else (red, green, blue)


def _bright(colour: Colour) -> Colour:
    gain = 255 / max(colour)
    red, green, blue = (round(value * gain) for value in colour)
    return red, green, blue


def _hatched(rgb: Pixels, ignored: NDArray[np.bool_]) -> Pixels:
    """Draw diagonal stripes of two greys where ``ignored``, wide enough to survive the panel's scaling."""
    if not ignored.any():
        return rgb
    rows, columns = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
    stripe = (rows + columns) // max(4, max(rgb.shape) // 70) % 2 == 0
    rgb[ignored & stripe] = IGNORED_DARK
    rgb[ignored & ~stripe] = IGNORED_LIGHT
    return rgb
