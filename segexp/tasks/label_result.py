"""What one predictor of classes of whole images reaches on the test images."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from segexp.metrics.figures import Array
from segexp.metrics.label_scores import Labels, label_confusion
from segexp.tasks.predictor_result import PredictorResult


@dataclass(frozen=True)
class LabelResult(PredictorResult):
    """One predictor of classes on the test images.

    Attributes:
        truth: True class number of each image.
        prediction: Predicted class number of each image.
        classes: Names of the C classes.
        probabilities: float64 (N, C), of each class in each image; None for a predictor that gives none.
    """

    truth: Labels
    prediction: Labels
    classes: Sequence[str]
    probabilities: Array | None = None

    @property
    def confusion(self) -> NDArray[np.int64]:
        """Images of each pair of true and predicted class, int64 (C, C), rows are the truth."""
        return label_confusion(self.truth, self.prediction, len(self.classes))

    def of_truth(self) -> Array:
        """Probability of the true class of each image, (N,); 0 and 1 of a predictor that gives no probabilities."""
        if self.probabilities is None:
            return np.asarray(self.truth == self.prediction, np.float64)
        of_truth: Array = np.asarray(self.probabilities)[np.arange(len(self.truth)), self.truth]
        return of_truth

    def per_image(self, names: Sequence[str]) -> list[dict[str, Any]]:
        """Lines of per_image.csv: true and predicted class, whether they agree (1, 0), and probabilities.

        ``probability`` is that of the predicted class; ``probability/<class>`` those of all classes.
        """
        return [{"image": name, "row": self.name} | self._line(index) for index, name in enumerate(names)]

    def _line(self, index: int) -> dict[str, Any]:
        true, predicted = int(self.truth[index]), int(self.prediction[index])
        line: dict[str, Any] = {
            "true": self.classes[true],
            "predicted": self.classes[predicted],
            "accuracy": int(true == predicted),
        }
        # A predictor without probabilities has the same columns, empty.
        found = [None] * len(self.classes) if self.probabilities is None else self.probabilities[index].tolist()
        cells = ["" if value is None else round(value, 6) for value in found]
        of_class = {f"probability/{name}": cell for name, cell in zip(self.classes, cells, strict=True)}
        return line | {"probability": cells[predicted], **of_class}
