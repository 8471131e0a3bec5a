"""A kind of task that segexp does not know: how many objects an image shows. One file and one YAML."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import cv2
import numpy as np
from torch import Tensor, nn

from segexp.data.base import ImageDataModule, Items
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.forms import VALUE_FORM
from segexp.data.items.item import Item
from segexp.data.sampling.samples import Batch
from segexp.metrics.figures import Array, Family
from segexp.spec import FigureSpec, Target
from segexp.tasks.base import BaseTask
from segexp.tasks.prediction import Prediction
from segexp.tasks.predictor_result import PredictorResult


@dataclass(frozen=True)
class ValueTarget(Target):
    """A number for every image.

    Attributes:
        what: Is counted.
    """

    kind = "counting"
    form = "value"

    what: str

    @property
    def out_channels(self) -> int:
        """A density, whose sum is the number."""
        return 1


class CountedScenes(SyntheticDataModule):
    """Drawn scenes, each with the number of its objects."""

    def target(self) -> ValueTarget:
        """The number of pieces of the last class."""
        return ValueTarget(self.classes()[0][-1])

    def read(self) -> Items:
        """Counts what is drawn."""
        last = len(self.classes()[0]) - 1
        return {
            phase: [
                Item(item.name, item.image, np.float32(_pieces(item.target == last)), form=VALUE_FORM) for item in items
            ]
            for phase, items in super().read().items()
        }


def _pieces(mask: Array) -> int:
    return int(cv2.connectedComponents(mask.astype(np.uint8))[0]) - 1


class Counting(BaseTask):
    """How many objects an image shows, as the sum of a density."""

    figure_specs: ClassVar = {
        "mae": FigureSpec("min", "MAE", "objects", "mean absolute error of the numbers"),
        "rmse": FigureSpec("min", "RMSE", "objects", "root of the mean squared error of the numbers"),
    }
    loss_class = nn.MSELoss

    def __init__(self, model: nn.Module, loss: nn.Module, *, most: float = 30.0, **parts: Any) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to a density (B, 1, H, W).
            loss: Of numbers.
            most: Objects in an image whose density is 1 everywhere.
            **parts: As for :class:`BaseTask`.
        """
        super().__init__(model, loss, **parts)
        self.most = most
        self._errors: dict[int, float] = {}

    def outputs(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Numbers (B,)."""
        density = super().outputs(image, stats)
        assert isinstance(density, Tensor)
        return self.most * density.float().mean(dim=(1, 2, 3))

    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets all errors."""
        self._errors = {}

    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Keeps the error of each image."""
        errors = (outputs - batch["target"]).tolist()
        self._errors |= dict(zip(batch["index"].tolist(), errors, strict=True))

    def figures(self) -> dict[str, float | None]:
        """Mean absolute error, and root of the mean squared one."""
        return {name: float(value[0]) for name, value in _family(self._errors).of_dataset().items()}

    def predictor_results(self) -> Sequence[PredictorResult]:
        """The model."""
        return [PredictorResult("model", "sum of a density", {"errors": _family(self._errors)})]

    def predictions(self, outputs: Tensor) -> list[Prediction]:
        """The number of objects of each image."""
        return [Prediction({"objects": round(number, 3)}) for number in outputs.tolist()]

    def trivial_results(self, datamodule: ImageDataModule) -> Sequence[PredictorResult]:
        """The mean number of the training images, for every image."""
        mean = float(np.mean([item.target for item in datamodule.items("train")]))
        errors = {index: mean - float(item.target) for index, item in enumerate(datamodule.items("test"))}
        return [PredictorResult("mean", f"always {mean:.1f}, as in training", {"errors": _family(errors)})]


def _family(errors: Mapping[int, float]) -> Family:
    rows = np.array([[1.0, abs(errors[index]), errors[index] ** 2] for index in sorted(errors)])
    return Family(rows, _figures, ())


def _figures(sums: Array) -> dict[str, Array]:
    return {"mae": sums[:, 1] / sums[:, 0], "rmse": np.sqrt(sums[:, 2] / sums[:, 0])}
