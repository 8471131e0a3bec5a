"""Components: whether a class comes in as many pieces as it should."""

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.config.checks.built_words import check_word
from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.labels import label
from segexp.metrics.quotients import quotient
from segexp.metrics.regions import crop, regions
from segexp.spec import FigureSpec
from segexp.types import PositiveInt


class Components(ImageMeasure):
    """Error of the number of connected components (Betti number 0): ``|predicted - true|``, in components.

    Hu, Li, Samaras & Chen 2019, "Topology-Preserving Deep Image Segmentation", section 4, over whole images. It
    compares counts, not places: read it beside an overlap. A count has no worst value; where the class is missing
    from one of prediction and truth, the error is the count of the other one. Pieces are of valid pixels: ignored ones
    cut them. Not pooled: the mean over the images is the figure.

    Sums: true components, predicted components, the error, and 1 where there is at least one.

    Args:
        connectivity: 8: pixels that touch at a corner hang together; 4: they do not.
        min_size: Components of fewer pixels are not counted, in prediction and truth.
    """

    figure_specs: ClassVar = {
        "components_error": FigureSpec(
            "min", "component error", "components", "difference in the number of connected pieces"
        )
    }
    exceptions: ClassVar = {
        "worst": "a count has no worst value: missed altogether, the error is the true count",
        "hole": "a hole makes no further piece",
    }
    pooled = False

    def __init__(self, connectivity: Literal[4, 8] = 8, min_size: PositiveInt = 1) -> None:
        check_word("connectivity", connectivity, Literal[4, 8])
        self.connectivity, self.min_size = connectivity, min_size

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 4) of one image."""
        rows = []
        for index in classes:
            found = crop(regions(image, index), 0)
            areas = [label(mask, self.connectivity)[1][:, 4] for mask in (found.truth, found.prediction)]
            true, predicted = (np.count_nonzero(area >= self.min_size) for area in areas)
            rows.append((true, predicted, abs(predicted - true), min(predicted + true, 1)))
        return np.array(rows, dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """``components_error`` >= 0 (N, R) of sums (N, R, 4)."""
        return {"components_error": quotient(sums[..., 2], sums[..., 3])}
