"""Calibration: whether a probability of 0.7 is right seven times out of ten."""

from collections.abc import Sequence
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.quotients import quotient
from segexp.spec import IGNORED, DataSpec, FigureSpec
from segexp.types import PositiveInt

CHUNK = 1 << 18
"""Pixels looked at together, which keeps the memory small and inside the cache."""


class Reliability(NamedTuple):
    """Points of a reliability diagram, float64 (R, B), bins in ascending order.

    Attributes:
        probability: Mean probability of the bin's pixels; nan without any.
        share: Share of them that are of the class; nan without any.
        pixels: Number of pixels.
    """

    probability: NDArray[np.float64]
    share: NDArray[np.float64]
    pixels: NDArray[np.float64]


class Calibration(ImageMeasure):
    """Brier score and expected calibration error of each class against the rest.

    - brier: mean of (p - t)² over the valid pixels (Brier 1950, for one class)
    - ece: sum over bins b of n_b / n |mean of t in b - mean of p in b|, the class-wise error of Nixon et al. 2019,
      "Measuring Calibration in Deep Learning", section 3, before the mean over classes. Bins are equally wide, the
      lower edge belongs to them, 1 to the last one.

    Two classes: of the second alone, the first is its mirror image. More: of every class, class 0 too.

    An exception from THE RULE of absent classes, as specificity is one: it speaks about every valid pixel, and where
    the class is absent small probabilities are right. It is undefined only without any valid pixel.

    Sums: per bin the pixels, then per bin the sum of p, then per bin the pixels of the class; the sum of (p - t)².

    Args:
        bins: Number of bins B.
    """

    figure_specs: ClassVar = {
        "brier": FigureSpec("min", "Brier", meaning="mean squared error of the probability"),
        "ece": FigureSpec(
            "min", "ECE", meaning="mean distance between probability and observed share (expected calibration error)"
        ),
    }
    exceptions: ClassVar = {
        "absent": "speaks about all valid pixels, as specificity does: small probabilities are right",
        "worst": "a share of all pixels: false alarms that cover more than the missed pixels weigh more",
    }
    needs_probability = True

    def __init__(self, bins: PositiveInt = 15) -> None:
        self.bins = bins

    def classes(self, spec: DataSpec) -> Sequence[int]:
        """The second class of two, every class of more."""
        return range(1, 2) if spec.is_binary else range(spec.num_classes)

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 3 B + 1) of one image.

        Raises:
            ValueError: There are no probabilities.
        """
        if image.probability is None:
            raise ValueError("calibration was asked of a predictor without probabilities; see needs_probability")
        valid = image.truth != IGNORED
        truth = image.truth[valid]
        rows = []
        for index in classes:
            channel = image.probability[0 if len(image.probability) == 1 else index]
            rows.append(self._row(channel[valid], truth == index))
        return np.array(rows, dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """``brier`` and ``ece`` in [0, 1] (N, R) of sums (N, R, 3 B + 1)."""
        count, probability, true = _bins(sums)
        pixels = count.sum(axis=-1)
        return {
            "brier": quotient(sums[..., -1], pixels),
            # n_b |mean of t - mean of p| is the difference of the sums.
            "ece": quotient(np.abs(true - probability).sum(axis=-1), pixels),
        }

    def _row(self, probability: NDArray[np.float32], truth: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Sums (3 B + 1,) of probabilities and hits, both (pixels,)."""
        row = np.zeros(3 * self.bins + 1)
        for start in range(0, len(truth), CHUNK):
            p = probability[start : start + CHUNK].astype(np.float64)
            t = truth[start : start + CHUNK].astype(np.float64)
            place = np.minimum((p * self.bins).astype(np.int64), self.bins - 1)
            parts = [np.bincount(place, weight, self.bins) for weight in (None, p, t)]
            row += np.concatenate([*parts, [np.square(p - t).sum()]])
        return row


def reliability(sums: NDArray[np.float64]) -> Reliability:
    """The reliability diagram of sums (R, 3 B + 1) of an image, or of sums added over images."""
    count, probability, true = _bins(sums)
    return Reliability(quotient(probability, count), quotient(true, count), count)


def _bins(sums: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Per bin, (..., B) each: pixels, sum of the probabilities, pixels of the class."""
    count, probability, true = np.split(sums[..., :-1], 3, axis=-1)
    return count, probability, true
