"""Made-up predictions and truths on which the promises of measures are tried."""

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.inspection.contracts.losses import example_spec
from segexp.inspection.contracts.promise import require
from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.spec import IGNORED

Figures = dict[str, NDArray[np.float64]]


def scene(seed: int, num_classes: int = 2, size: tuple[int, int] = (37, 52), ignored: bool = True) -> ImagePrediction:
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
    return ImagePrediction(
        scores.argmax(axis=0).astype(np.uint8), truth, probability[1:] if num_classes == 2 else probability
    )


def _smooth(rng: np.random.Generator, size: tuple[int, int]) -> NDArray[np.float64]:
    field = np.asarray(cv2.GaussianBlur(rng.normal(size=size), (0, 0), 2.0), np.float64)
    return field / (float(field.std()) or 1.0)  # 0 for a single pixel


def measure_images(measure: ImageMeasure, num_classes: int, *images: ImagePrediction) -> Figures:
    """Figures (N, R) of N images of ``num_classes`` classes."""
    measure.prepare(example_spec(num_classes))
    classes = measure.classes(example_spec(num_classes))
    return measure.figures(np.stack([measure.sums(image, classes) for image in images]))


def certain(image: ImagePrediction, num_classes: int) -> ImagePrediction:
    """With probabilities 0 and 1 that say what the prediction says."""
    one_hot = np.stack([image.prediction == index for index in range(num_classes)]).astype(np.float32)
    return replace(image, probability=one_hot[1:] if num_classes == 2 else one_hot)


def require_same(found: Figures, wanted: Figures, what: str, rtol: float = 1e-6, atol: float = 0.0) -> None:
    """Requires that two sets of figures are equal but for rounding; ``what`` says of what."""
    require(found.keys() == wanted.keys(), f"other figures of {what}: {sorted(found)}", f"{sorted(wanted)}")
    for name, values in found.items():
        near = np.allclose(values, wanted[name], rtol=rtol, atol=atol, equal_nan=True)
        require(near, f"{name} of {format_values(values)} for {what}", f"{format_values(wanted[name])}")


def format_values(values: NDArray[Any]) -> str:
    """Writes figures in a line, to six digits."""
    return np.array2string(np.asarray(values), precision=6, threshold=8).replace("\n", "")
