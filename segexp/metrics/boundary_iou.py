"""BoundaryIoU: intersection over union near the outlines alone, so that large objects need exact edges too."""

from collections.abc import Sequence
from functools import partial
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.base import ImageMeasure, ImagePrediction, Sums
from segexp.metrics.edges import edges_of, rim
from segexp.metrics.quotients import quotient
from segexp.metrics.regions import crop, regions
from segexp.spec import FigureSpec
from segexp.types import Fraction


class BoundaryIoU(ImageMeasure):
    """Boundary IoU: |P_d ∩ T_d| / |P_d ∪ T_d| with M_d the pixels of M at most d from its outline.

    Cheng, Girshick, Dollár, Berg & Kirillov 2021, "Boundary IoU: Improving Object-Centric Image Segmentation
    Evaluation", equation 2. As in the authors' code, d = max(1, round(ratio * diagonal)) pixels in chessboard
    distance, and the image's border is an outline. Ignored pixels are not, see :mod:`segexp.metrics.edges`.

    Sums: pixels of the intersection, pixels of the union.

    Args:
        dilation_ratio: Width d as a share of the image's diagonal; the authors' 0.02 is 16 pixels of 584 x 565.
    """

    figure_specs: ClassVar = {
        "boundary_iou": FigureSpec("max", "boundary IoU", meaning="IoU of the strips along the outlines")
    }

    def __init__(self, dilation_ratio: Fraction = 0.02) -> None:
        self.dilation_ratio = dilation_ratio

    def sums(self, image: ImagePrediction, classes: Sequence[int]) -> Sums:
        """Sums (R, 2) of one image."""
        width = max(1, round(self.dilation_ratio * float(np.hypot(*image.truth.shape))))
        rows = []
        for index in classes:
            # No pixel of the class sees what lies further than the width away.
            predicted, true = edges_of(crop(regions(image, index), width + 1), partial(rim, width=width))
            rows.append((np.count_nonzero(predicted & true), np.count_nonzero(predicted | true)))
        return np.array(rows, dtype=np.float64)

    def figures(self, sums: NDArray[np.float64]) -> dict[str, NDArray[np.float64]]:
        """``boundary_iou`` in [0, 1] (N, R) of sums (N, R, 2)."""
        return {"boundary_iou": quotient(sums[..., 0], sums[..., 1])}
