"""Made-up images as a predictor saw them."""

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.metrics.base import ImageMeasure, Seen
from segexp.spec import IGNORED, DataSpec, MaskTarget

Masks = NDArray[np.uint8]


def spec(num_classes: int, pixel_size: float | None = None) -> DataSpec:
    names = tuple("abcd"[:num_classes])
    return DataSpec(MaskTarget(classes=names, colours=((0, 0, 0),) * num_classes), pixel_size=pixel_size)


def scene(seed: int, num_classes: int = 2, size: tuple[int, int] = (37, 52), ignored: bool = True) -> Seen:
    """Blobs in truth and prediction that overlap in part; ignored: four columns and 3 % of the pixels."""
    rng = np.random.default_rng(seed)
    fields = np.stack([_smooth(rng, size) for _ in range(num_classes)])
    scores = fields + np.stack([_smooth(rng, size) for _ in range(num_classes)])
    weights = np.exp(2 * scores)
    probability = (weights / weights.sum(axis=0)).astype(np.float32)
    truth = fields.argmax(axis=0).astype(np.uint8)
    if ignored:
        truth[:, :4] = IGNORED
        truth[rng.random(size) < 0.03] = IGNORED
    return Seen(scores.argmax(axis=0).astype(np.uint8), truth, probability[1:] if num_classes == 2 else probability)


def seen(prediction: Sequence[object] | Masks, truth: Sequence[object] | Masks) -> Seen:
    """Of lists or arrays of class numbers."""
    return Seen(np.array(prediction, dtype=np.uint8), np.array(truth, dtype=np.uint8))


def drawn(*rows: str) -> Masks:
    """A mask of two classes: # the class, ? ignored, anything else the ground."""
    values = {"#": 1, "?": IGNORED}
    return np.array([[values.get(letter, 0) for letter in row] for row in rows], dtype=np.uint8)


def figures(measure: ImageMeasure, image: Seen, classes: Sequence[int] = (1,)) -> dict[str, list[float]]:
    """Figures of one image: a value per class."""
    return {name: values[0].tolist() for name, values in measure.figures(measure.sums(image, classes)[None]).items()}


def _smooth(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    field: NDArray[np.float64] = cv2.GaussianBlur(rng.normal(size=size), (0, 0), 2.0)
    return field / (float(field.std()) or 1.0)  # 0 for a single pixel
