"""Made-up images as a predictor saw them."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from segexp.inspection.contracts.measure_scenes import scene
from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.spec import IGNORED, DataSpec, MaskTarget

__all__ = ["Masks", "drawn", "figures", "scene", "seen", "spec"]

Masks = NDArray[np.uint8]


def spec(num_classes: int, pixel_size: float | None = None) -> DataSpec:
    names = tuple("abcd"[:num_classes])
    return DataSpec(MaskTarget(classes=names, colours=((0, 0, 0),) * num_classes), pixel_size=pixel_size)


def seen(prediction: Sequence[object] | Masks, truth: Sequence[object] | Masks) -> ImagePrediction:
    """Of lists or arrays of class numbers."""
    return ImagePrediction(np.array(prediction, dtype=np.uint8), np.array(truth, dtype=np.uint8))


def drawn(*rows: str) -> Masks:
    """A mask of two classes: # the class, ? ignored, anything else the ground."""
    values = {"#": 1, "?": IGNORED}
    return np.array([[values.get(letter, 0) for letter in row] for row in rows], dtype=np.uint8)


def figures(measure: ImageMeasure, image: ImagePrediction, classes: Sequence[int] = (1,)) -> dict[str, list[float]]:
    """Figures of one image: a value per class."""
    return {name: values[0].tolist() for name, values in measure.figures(measure.sums(image, classes)[None]).items()}
