"""One picture of a prediction, whether or not the truth is known."""

import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.displayed import display_small, shrink_image, shrink_labels
from segexp.report.pictures.overlays import colour_probability
from segexp.report.pictures.panels import draw_panel
from segexp.report.pictures.pixels import Pixels, labels_to_rgb
from segexp.report.pictures.side_by_side import draw_beside, unit_pixels
from segexp.spec import DataSpec


def draw_prediction(
    image: NDArray[np.generic],
    prediction: Pixels,
    spec: DataSpec,
    truth: Pixels | None = None,
    probability: NDArray[np.float32] | None = None,
) -> Pixels:
    """Draws an image beside its prediction: with the truth, truth and errors too; else the probability, where given.

    Args:
        image: uint8 or uint16 (H, W, C), not normalised.
        prediction: uint8 (H, W), class numbers.
        spec: Classes and colours.
        truth: uint8 (H, W), class numbers or 255; None: not known.
        probability: float (H, W) of 0..1, of the second of two classes; None: none is drawn.

    Returns:
        uint8 (h, w, 3) RGB.

    Raises:
        DataError: The shapes differ.
    """
    if truth is not None:
        return draw_panel(image, truth, prediction, spec)
    seen = np.ones(image.shape[:2], bool)
    shown = {"image": display_small(image, seen), "prediction": labels_to_rgb(shrink_labels(prediction), spec)}
    if probability is not None:
        name = f"probability of {spec.classes[1]}"
        shown[name] = colour_probability(unit_pixels(shrink_image(probability)))
    return draw_beside(shown, ", ".join(spec.classes))
