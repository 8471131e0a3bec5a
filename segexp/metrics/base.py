"""ImageMeasure: a measure of whole masks or probabilities, taken image by image when a model is tested.

One file and one YAML in ``conf/metric`` each, switched by name: ``metric=[hd95,cldice]``.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from segexp.moved import renamed, warn_of_directions
from segexp.spec import DataSpec, FigureSpec, fields_in, filled

__all__ = ["FigureSpec", "ImageMeasure", "ImagePrediction", "Sums"]

Sums = NDArray[np.float64]
"""(R, n): n numbers per class spoken of that may be added over images."""


@dataclass(frozen=True)
class ImagePrediction:
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
        figure_specs: Direction, label, unit and meaning of each figure by its name, which is the key of results.json
            and the column of per_image.csv. It is read from source, before anything is imported, so it is written out.
            Attributes of the measure may stand in braces in names and texts: ``hd{percentile:g}``.
        pooled: Whether sums of several images make sense; if not, there are figures per image and their mean only.
        exceptions: Promises that the measure does not keep, by name, each with the reason; see
            :mod:`segexp.inspection.contracts.measures`.
        needs_probability: Whether ``ImagePrediction.probability`` is needed; predictors without one are passed over.
    """

    figure_specs: ClassVar[Mapping[str, FigureSpec]] = {}
    exceptions: ClassVar[Mapping[str, str]] = {}
    pooled: bool = True
    needs_probability: bool = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        """Says what to write in a class that names its figures as version 0.1 did."""
        super().__init_subclass__(**kwargs)
        warn_of_directions(cls)

    def described_figures(self) -> dict[str, FigureSpec]:
        """Each figure with direction, label, unit and meaning, after :meth:`prepare`; nothing is left in braces."""
        # Attributes of version 0.1, which works until version 0.3: {"hd95": "min"}, and one unit for all figures.
        if directions := getattr(self, "directions", None):
            unit = getattr(self, "unit", "")
            return {name: FigureSpec(direction, name, unit) for name, direction in directions.items()}
        return filled(self.figure_specs, {field: getattr(self, field) for field in fields_in(self.figure_specs)})

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
    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, n) of one image, a row per class in ``classes``; n is the same for every image."""

    @abstractmethod
    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """Figures (N, R) by name of sums (N, R, n); nan where undefined."""


def __getattr__(name: str) -> Any:
    """The class of an image and its prediction under its name of version 0.1."""
    if name != "Seen":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    renamed("Seen", "ImagePrediction")
    return ImagePrediction
