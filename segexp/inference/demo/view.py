"""Shows an answer on the page: pictures no larger than a screen, and tables in HTML."""

from dataclasses import dataclass
from html import escape
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.inference.demo.answer import Answer, class_shares, colour_classes
from segexp.inference.model import Model

LARGEST_SIDE = 1600
"""Pictures are reduced to this many pixels a side; what is downloaded is whole."""

Picture = NDArray[np.uint8]


@dataclass(frozen=True)
class View:
    """One state of the page.

    Attributes:
        message: HTML of what went wrong; empty: nothing did.
        key: Of the answer that is shown; None: there is none.
        overlay: The image with the classes over it, RGB.
        mask: The classes in their colours, RGB.
        probabilities: Maps of probability with the names of the classes.
        legend: HTML table of the classes.
        facts: HTML of the image and of the time that was taken.
        mask_file: What is downloaded as mask.
        probability_file: What is downloaded as probabilities.
        threshold: That of the mask; None: of many classes the most probable is taken.
    """

    message: str = ""
    key: str | None = None
    overlay: Picture | None = None
    mask: Picture | None = None
    probabilities: tuple[tuple[Picture, str], ...] = ()
    legend: str = ""
    facts: str = ""
    mask_file: Path | None = None
    probability_file: Path | None = None
    threshold: float | None = None


def error_html(text: str) -> str:
    """Formats a message that stays until the next image, read out by a screen reader."""
    return f'<div class="segexp-error" role="alert">{escape(text)}</div>' if text else ""


def legend_html(classes: NDArray[np.uint8], model: Model) -> str:
    """Formats a table of colour, name and share of the pixels of each class."""
    rows = "".join(
        f'<tr><td><span class="segexp-colour" style="background:rgb{colour}"></span></td>'
        f'<td>{escape(name)}</td><td class="segexp-share">{share:.2%}</td></tr>'
        for name, colour, share in class_shares(classes, model.spec)
    )
    return f'<table class="segexp-legend"><tr><th></th><th>class</th><th>pixels</th></tr>{rows}</table>'


def facts_html(answer: Answer, model: Model) -> str:
    """Formats a line about the file, and how long reading it and the network took."""
    seconds = answer.seconds
    return (
        f'<p class="segexp-facts">{escape(answer.name)}: {escape(answer.facts)}<br>'
        f"reading {seconds['reading']:.2f} s, network {seconds['network']:.2f} s "
        f"({escape(str(model.device.type))}, tta {escape(model.tta)})</p>"
    )


def probability_maps(answer: Answer, model: Model) -> tuple[tuple[Picture, str], ...]:
    """Draws the probability of each class (the second of two) from dark, 0, to yellow, 1; grey: no data."""
    names = model.classes[1:] if model.spec.is_binary else model.classes
    levels = (answer.probabilities(model) * 255).round().byte().numpy()
    return tuple((_heat(level, answer.missing), name) for level, name in zip(levels, names, strict=True))


def _heat(level: NDArray[np.uint8], missing: NDArray[np.bool_] | None) -> Picture:
    picture = np.asarray(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS), np.uint8)[..., ::-1].copy()
    if missing is not None:
        picture[missing] = 128
    return reduce_picture(picture)


def overlay_and_mask(answer: Answer, classes: NDArray[np.uint8], model: Model) -> tuple[Picture, Picture]:
    """Draws the image with the classes over it, and the classes in their colours."""
    mask = reduce_picture(colour_classes(classes, model.spec), cv2.INTER_NEAREST)
    return reduce_picture(answer.overlay(classes, model.spec)), mask


def reduce_picture(picture: Picture, how: int = cv2.INTER_AREA) -> Picture:
    """Reduces a picture to at most :data:`LARGEST_SIDE` pixels a side."""
    height, width = picture.shape[:2]
    scale = LARGEST_SIDE / max(height, width)
    if scale >= 1:
        return picture
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    return np.asarray(cv2.resize(picture, size, interpolation=how), np.uint8)
