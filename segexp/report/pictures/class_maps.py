"""Probability of each class beside its truth, one row per class."""

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.report.pictures.captions import PAPER, draw_text
from segexp.report.pictures.displayed import display_small, shrink_image, shrink_labels
from segexp.report.pictures.overlays import colour_probability
from segexp.report.pictures.pixels import Pixels, labels_to_rgb
from segexp.report.pictures.png import save_png
from segexp.spec import IGNORED, DataSpec

SIDE, TEXT, GAP = 390, 15, 14
"""Pixels of the longer side of a map, of letters, and between two maps."""
GREY = 128


def plot_class_maps(
    image: NDArray[np.generic],
    probabilities: NDArray[np.float32],
    truth: NDArray[np.uint8],
    spec: DataSpec,
    out: Path,
) -> Path:
    """Draw per class the probability map, 0..1 with a bar of its colours, beside the map of the truth.

    Args:
        image: uint8 or uint16, (H, W), (H, W, 1) or (H, W, C); drawn once, in a column at the left
            with the truth and the most probable class below.
        probabilities: float32 (K, H, W), 0..1, one plane per class; for two classes also (1, H, W), the
            probability of the second.
        truth: uint8 (H, W), 0..K-1, or 255 (drawn grey).
        spec: Classes.
        out: Target PNG.

    Returns:
        ``out``.

    Raises:
        DataError: Shapes do not fit, or the probabilities are not within 0..1 (logits, for example).
    """
    planes = _planes(probabilities, truth, spec)
    rgb, truth = display_small(image, truth != IGNORED), shrink_labels(truth)
    overview = [("image", rgb), ("truth", labels_to_rgb(truth, spec)), ("most probable", _most_probable(planes, spec))]
    rows = []
    for number, name in enumerate(spec.classes):
        first = overview[number] if number < len(overview) else ("", np.full_like(rgb, 255))
        maps = [(f"{name}: probability", _coloured(planes[number])), (f"{name}: truth", _truth_of(number, truth))]
        rows.append(_beside([_part(*part) for part in (first, *maps)]))
    widest = max(row.shape[1] for row in rows)
    save_png(out, np.concatenate([*rows, _ramp(widest)]))
    return out


def _planes(probabilities: NDArray[np.float32], truth: NDArray[np.uint8], spec: DataSpec) -> NDArray[np.float32]:
    """Check and give (K, h, w), the first class of two completed, large ones reduced."""
    allowed = {spec.num_classes, spec.score_channels}
    fits = probabilities.ndim == 3 and probabilities.shape[0] in allowed
    if not fits or probabilities.shape[1:] != truth.shape:
        raise DataError(
            f"Class maps of {spec.num_classes} classes need probabilities of shape ({spec.num_classes}, "
            f"{', '.join(map(str, truth.shape))}), but got {probabilities.shape}."
        )
    # half precision rounds a little above 1
    if not (probabilities.min() >= -1e-3 and probabilities.max() <= 1 + 1e-3):
        raise DataError(
            f"Class maps need probabilities within 0..1, but got {probabilities.min():g}.."
            f"{probabilities.max():g}. Apply the sigmoid or softmax to logits first."
        )
    planes = np.stack([shrink_image(plane) for plane in probabilities])
    return np.concatenate([1 - planes, planes]) if len(planes) == 1 and spec.is_binary else planes


def _most_probable(planes: NDArray[np.float32], spec: DataSpec) -> Pixels:
    return labels_to_rgb(planes.argmax(axis=0).astype(np.uint8), spec)


def _coloured(plane: NDArray[np.float32]) -> Pixels:
    """A map of 0..1, float32 (h, w), in the colours of viridis, which keep their order for colour-blind people."""
    steps = np.rint(np.clip(plane, 0, 1) * 255).astype(np.uint8)
    return colour_probability(steps)


def _truth_of(number: int, truth: Pixels) -> Pixels:
    """Where a class is, in the colours of its probability, to be compared by eye; grey: not counted."""
    drawn = _coloured((truth == number).astype(np.float32))
    drawn[truth == IGNORED] = GREY
    return drawn


def _part(title: str, rgb: Pixels) -> Pixels:
    """A map at the size of all of them, below its title."""
    height, width = rgb.shape[:2]
    scale = SIDE / max(height, width)
    size = (max(1, round(scale * width)), max(1, round(scale * height)))
    shown = cv2.resize(rgb, size, interpolation=cv2.INTER_NEAREST if scale > 1 else cv2.INTER_AREA)
    strip = np.full((2 * TEXT, size[0], 3), PAPER, np.uint8)
    draw_text(strip, title, 0, round(1.4 * TEXT), TEXT, bold=True)
    return np.concatenate([strip, np.asarray(shown, np.uint8)])


def _beside(parts: list[Pixels]) -> Pixels:
    spacer = np.full((parts[0].shape[0], GAP, 3), PAPER, np.uint8)
    return np.concatenate([piece for part in parts for piece in (spacer, part)] + [spacer], axis=1)


def _ramp(width: int) -> Pixels:
    """The colours from 0 to 1, with these numbers at their ends."""
    strip = np.full((4 * TEXT, width, 3), PAPER, np.uint8)
    left = draw_text(strip, "probability  0 ", GAP, round(2.4 * TEXT), TEXT)
    end = min(left + SIDE // 2, width - GAP)
    strip[round(1.4 * TEXT) : round(2.5 * TEXT), left:end] = _coloured(
        np.linspace(0, 1, end - left, dtype=np.float32)[None]
    )
    draw_text(strip, " 1", end, round(2.4 * TEXT), TEXT)
    return strip
