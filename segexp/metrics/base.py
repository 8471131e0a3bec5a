"""ImageMeasure: a measure of whole masks or probabilities, taken image by image when a model is tested.

One file and one YAML in ``conf/metric`` each, switched by name: ``metric=[hd95,cldice]``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from segexp.config.measure_names import Direction
from segexp.spec import DataSpec

Sums = NDArray[np.float64]
"""(R, n): n numbers per class spoken of that may be added over images."""


@dataclass(frozen=True)
class Seen:
    """One image as a predictor saw it.

    Attributes:
        prediction: uint8 (H, W), class numbers 0..C-1, also where the truth is ignored.
        truth: uint8 (H, W), class numbers and 255 for pixels that count nowhere.
        probability: float32 (K, H, W): of the second class for two classes (K = 1), else of each class; None for a
            predictor that gives none (a person, a trivial rule).
    """

    prediction: NDArray[np.uint8]
    truth: NDArray[np.uint8]
    probability: NDArray[np.float32] | None = None


class ImageMeasure(ABC):
    """Turns an image into sums, and sums into figures.

    The same :meth:`figures` serves one image (its own sums), the data set (sums added over the images) and a
    bootstrap sample (sums added over the images drawn). So no figure depends on the batch size or the number of ranks.

    THE RULE for absent classes is that of :mod:`segexp.metrics.measures`: absent in truth and prediction, a figure is
    undefined (nan) and left out of means; absent in one of them only, it is the worst value there is.

    Attributes:
        directions: Name of each figure and whether lower or higher is better; names are keys of results.json and
            columns of per_image.csv.
        unit: Unit of the figures, empty for a share.
        pooled: Whether sums of several images make sense; if not, there are figures per image and their mean only.
        needs_probability: Whether ``Seen.probability`` is needed; predictors without one are passed over.
    """

    directions: Mapping[str, Direction]
    unit: str = ""
    pooled: bool = True
    needs_probability: bool = False

    def prepare(self, spec: DataSpec) -> None:  # noqa: B027 - most need nothing
        """Learns the data before the first image: for example the size of a pixel on the ground.

        Raises:
            MismatchError: The measure is not defined for these classes.
        """

    def classes(self, spec: DataSpec) -> Sequence[int]:
        """Class numbers that the rows R of the sums stand for.

        All but class 0, the ground on which the others lie; a measure that speaks of class 0 too overrides this.
        """
        return range(1, spec.num_classes)

    @abstractmethod
    def sums(self, seen: Seen, classes: Sequence[int]) -> Sums:
        """Sums (R, n) of one image, a row per class in ``classes``; n is the same for every image."""

    @abstractmethod
    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Figures (N, R) by name of sums (N, R, n); nan where undefined."""
