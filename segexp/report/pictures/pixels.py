"""Labels to colours: label maps and the map of errors, before any caption."""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.colours import BRIGHT, NEAR, Colour, clearance, pick_clear_colour
from segexp.spec import IGNORED, DataSpec

Pixels = NDArray[np.uint8]
"""(H, W, 3) RGB or (H, W) labels."""

# orange and blue stay apart for every common colour blindness, and both from white, black and grey; where a class has
# a colour like one of them, the next one is taken
TRUE_POSITIVE: Colour = (235, 235, 235)
FALSE_POSITIVE: Colour = (255, 140, 0)
FALSE_NEGATIVE: Colour = (30, 136, 255)
TRUE_NEGATIVE: Colour = (0, 0, 0)
IGNORED_DARK: Colour = (112, 112, 112)
IGNORED_LIGHT: Colour = (134, 134, 134)

FALSE_POSITIVES: tuple[Colour, ...] = (FALSE_POSITIVE, (210, 0, 255), (60, 240, 0), (255, 165, 30))
FALSE_NEGATIVES: tuple[Colour, ...] = (FALSE_NEGATIVE, (120, 180, 255), (75, 0, 210), (210, 0, 255))
STAND_INS: tuple[Colour, ...] = ((255, 255, 255), (255, 0, 255), (255, 255, 0), (0, 255, 255))
"""Of wrong pixels of a class that is nearly black (most backgrounds) and would stay invisible."""

DIMMED = 0.35
"""How bright a right pixel is among errors, as a share of its colour."""
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

    Two classes: true positive light grey, false positive orange, false negative blue (or what :func:`error_colours`
    takes in their place), true negative as the truth if that is dark, else black. More classes: the colour of the
    truth, dimmed where right (unless it is dark), bright where wrong (:func:`wrong_colours`).

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
        table = np.array([right, *error_colours(spec), TRUE_POSITIVE], np.uint8)
        return _hatched(table[known_truth * 2 + known_prediction], ignored)
    dimmed = np.array([_dimmed(colour) for colour in spec.colours], np.uint8)
    bright = np.array(wrong_colours(spec), np.uint8)
    wrong = known_truth != known_prediction
    return _hatched(np.where(wrong[:, :, None], bright[known_truth], dimmed[known_truth]), ignored)


def error_colours(spec: DataSpec) -> tuple[Colour, Colour]:
    """False positive and false negative of two classes: like no class, and told apart with any colour vision."""
    return _error_colours(spec.colours)


@cache
def _error_colours(classes: tuple[Colour, ...]) -> tuple[Colour, Colour]:
    others = [*classes, TRUE_POSITIVE, TRUE_NEGATIVE, IGNORED_DARK, IGNORED_LIGHT]
    positive = pick_clear_colour(FALSE_POSITIVES, others)
    return positive, pick_clear_colour(FALSE_NEGATIVES, [*others, positive])


def wrong_colours(spec: DataSpec) -> tuple[Colour, ...]:
    """The colour per class of its wrong pixels: its own, raised to full brightness, else a tint of it.

    None is like the colour of another class or of its wrong pixels; where classes themselves are hard to tell apart, it
    is as clear of the others as its class.
    """
    return _wrong_colours(spec.colours)


@cache
def _wrong_colours(classes: tuple[Colour, ...]) -> tuple[Colour, ...]:
    right = [_dimmed(colour) for colour in classes]
    found: list[Colour] = []
    for number, colour in enumerate(classes):
        others = [*classes[:number], *classes[number + 1 :]]
        least = min(NEAR, clearance(colour, others))
        wanted = _brighter(colour) if max(colour) > DARK else STAND_INS
        found.append(pick_clear_colour(wanted, [*others, *right, *found], least))
    return tuple(found)


def _brighter(colour: Colour) -> tuple[Colour, ...]:
    """At full brightness, with less white in it, with more."""
    bright = np.array(_bright(colour), np.float64)
    pure = (bright - bright.min()) * 255 / max(1.0, bright.max() - bright.min())
    found = (bright, pure, 0.8 * pure, bright + 0.35 * (255 - bright), bright + 0.6 * (255 - bright))
    # Of a grey there is none without white.
    bright_ones = (np.rint(each) for each in found if each.max() >= BRIGHT)
    return tuple((int(red), int(green), int(blue)) for red, green, blue in bright_ones)


def _dimmed(colour: Colour) -> Colour:
    red, green, blue = (round(value * DIMMED) for value in colour)
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
