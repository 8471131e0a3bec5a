"""What one predictor of masks reaches on the test images: figures of counts, and of groups of images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from segexp.metrics.figures import Array
from segexp.metrics.measures import classes_averaged, images_averaged
from segexp.tasks.predictor_result import PredictorResult
from segexp.tasks.subgroups import Groups, by_group


@dataclass(frozen=True)
class MaskResult(PredictorResult):
    """One predictor of masks on the test images.

    Attributes:
        matrices: int64 (N, C, C), counts per test image; their figures are a family too.
        classes: Names of the C classes.
    """

    matrices: Tensor
    classes: Sequence[str]

    def to_dict(self, weights: Array | None, groups: Groups = ()) -> dict[str, Any]:
        """The row as it stands in results.json, with how many classes and images each mean is of.

        Args:
            weights: (S, N), how often each image is drawn in each bootstrap sample; None: no intervals.
            groups: Group of each image; ``groups`` is left out where there is none.
        """
        row = super().to_dict(weights)
        for scores in (row["dataset"], row["image"]):
            scores["classes_averaged"] = classes_averaged(scores)
        row["image"]["images_averaged"] = images_averaged(self.matrices, self.classes)
        found = by_group(self.matrices, groups, self.classes)
        return row | ({"groups": found} if found else {})
