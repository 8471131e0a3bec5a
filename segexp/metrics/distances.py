"""Distances between the outline of a class in the prediction and in the truth, in pixels or metres."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.errors import ConfigError
from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.edges import edges_of, outline
from segexp.metrics.quotients import quotient
from segexp.metrics.regions import Mask, crop, regions
from segexp.spec import DataSpec, FigureSpec
from segexp.types import PositiveFloat

Distances = NDArray[np.float64]


class OutlineDistance(ImageMeasure):
    """Base: a number made of how far each outline's pixels are from the other outline.

    Outlines and distances (from centre to centre of pixels) are those of MONAI; what an outline is near ignored
    pixels and at the image's border stands in :mod:`segexp.metrics.edges`. In metres where ``DataSpec.pixel_size``
    says how large a pixel is.

    A total miss is the worst there is: predicted or true alone, the distance is the image's diagonal
    sqrt(H² + W²), longer than any in it. MONAI gives infinity or nan there, which vanishes from a mean.

    Not pooled, mean over the images only: a percentile of several images is no sum, and in a mean over all their
    outlines a short miss would weigh less than a long outline that is merely rough.

    Sums: the distance (0 where the class is absent from both), and 1 where it is defined.
    """

    unit = "px"
    pooled = False

    def __init__(self) -> None:
        self._scale = 1.0

    def prepare(self, spec: DataSpec) -> None:
        """Takes over the size of a pixel on the ground, in metres."""
        self.unit, self._scale = ("px", 1.0) if spec.pixel_size is None else ("m", spec.pixel_size)

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 2) of one image."""
        return np.array([self._row(image, index) for index in classes], dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """The distance >= 0 (N, R) of sums (N, R, 2)."""
        (name,) = self.described_figures()
        return {name: quotient(sums[..., 0], sums[..., 1])}

    def _row(self, image: ImagePrediction, index: int) -> tuple[float, float]:
        found = crop(regions(image, index), 1)
        there = found.prediction.any(), found.truth.any()
        if not any(there):
            return 0.0, 0.0
        if not all(there):
            return float(np.hypot(*image.truth.shape)) * self._scale, 1.0
        predicted, true = edges_of(found, outline)
        return self._distance(_from_to(predicted, true), _from_to(true, predicted)) * self._scale, 1.0

    @abstractmethod
    def _distance(self, to_truth: Distances, to_prediction: Distances) -> float:
        """One number, in pixels, of the distances of all predicted and of all true outline pixels."""


class HausdorffDistance(OutlineDistance):
    """Hausdorff distance, or a percentile of it that single stray pixels do not decide.

    The larger of the two directed percentiles (prediction to truth, truth to prediction), linearly interpolated,
    as in ``monai.metrics.compute_hausdorff_distance``; not the percentile of both directions together. 100 is the
    distance of Huttenlocher, Klanderman & Rucklidge 1993, equation 1. The figure's name tells the percentile: hd95.

    Args:
        percentile: 0 < percentile <= 100.

    Raises:
        ConfigError: The percentile is out of range.
    """

    figure_specs: ClassVar = {
        "hd{percentile:g}": FigureSpec(
            "min", "HD{percentile:g}", "{unit}",
            "distance between outlines that {percentile:g} % of their pixels keep (Hausdorff)",
        )
    }  # fmt: skip

    exceptions: ClassVar = {"hole": "a percentile below 100 leaves single pixels out"}

    def __init__(self, percentile: PositiveFloat = 95.0) -> None:
        super().__init__()
        if not 0 < percentile <= 100:
            raise ConfigError(
                f"percentile: found {percentile:g}, expected above 0 and at most 100; 95 is the usual one"
            )
        self.percentile = percentile

    def _distance(self, to_truth: Distances, to_prediction: Distances) -> float:
        return max(float(np.percentile(side, self.percentile)) for side in (to_truth, to_prediction))


class SurfaceDistance(OutlineDistance):
    """Average symmetric surface distance: mean over the pixels of both outlines.

    Heimann et al. 2009, "Comparison and Evaluation of Methods for Liver Segmentation From CT Datasets", section
    III-B; ``monai.metrics.compute_average_surface_distance`` with ``symmetric=True``.
    """

    figure_specs: ClassVar = {
        "asd": FigureSpec("min", "ASD", "{unit}", "mean distance between outlines (average surface distance)")
    }

    def _distance(self, to_truth: Distances, to_prediction: Distances) -> float:
        total = to_truth.sum(dtype=np.float64) + to_prediction.sum(dtype=np.float64)
        return float(total) / (to_truth.size + to_prediction.size)


def _from_to(edge: Mask, other: Mask) -> Distances:
    """Distance of each pixel of one outline to the nearest of the other, which has at least one: float64 (n,).

    Squares of distances between pixels are whole numbers; rounding them takes away what float32 adds, which is not the
    same in every run.
    """
    field = cv2.distanceTransform((~other).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    distances: Distances = np.sqrt(np.rint(np.square(field[edge], dtype=np.float64)))
    return distances
