"""Measures of torchmetrics, of validation and test: of all images, and at the test of each image too."""

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor
from torchmetrics import Metric

from segexp.errors import ConfigError
from segexp.metrics.figures import Array, Family
from segexp.metrics.torch_inputs import Pair, class_inputs
from segexp.spec import FigureSpec

Details = dict[str, float]
"""Values of a measure: under "" where it gives one number, else under the names of classes, or of what it gives."""


_AVERAGING = (
    "by torchmetrics, of probabilities (two classes: of the second, at 0.5 where a measure decides) and of counted "
    "pixels alone: by data set of all test images at once, by image one value per image, then the mean. Intervals are "
    "by image"
)


class TorchMetrics:
    """The measures of torchmetrics of a config, by the names of their blocks.

    Attributes:
        metrics: The measures.
    """

    def __init__(self, metrics: Mapping[str, Metric] | None = None, classes: Sequence[str] = ()) -> None:
        """Takes measures.

        Args:
            metrics: By name.
            classes: Names of the classes of the data; empty: what is handed over is no probability of classes.
        """
        self.metrics = dict(metrics or {})
        self._classes = tuple(classes)
        self._images: dict[str, dict[int, Details]] = {}

    def start(self, device: torch.device) -> None:
        """Forgets what was counted."""
        for metric in self.metrics.values():
            metric.to(device).reset()
        self._images = {name: {} for name in self.metrics}

    def update(self, predictions: Tensor, target: Tensor) -> None:
        """Takes a batch of predictions (B, ...) and targets (B, ...)."""
        for metric in self.metrics.values():
            for predicted, truth in self._pairs(metric, predictions, target):
                metric.update(predicted, truth)

    def update_images(self, predictions: Tensor, target: Tensor, index: Tensor) -> None:
        """Takes a batch, and keeps the values of each image (B) under its number too."""
        for name, metric in self.metrics.items():
            for place, number in enumerate(index.tolist()):
                one = slice(place, place + 1)
                for predicted, truth in self._pairs(metric, predictions[one], target[one]):
                    with warnings.catch_warnings(action="ignore"):  # of an image without one of the classes
                        value = metric(predicted, truth)
                    self._images[name][number] = self._details(name, value)

    def _pairs(self, metric: Metric, predictions: Tensor, target: Tensor) -> Iterator[Pair]:
        if self._classes:
            yield from class_inputs(metric, predictions, target)
        else:
            yield predictions, target

    def values(self) -> dict[str, float]:
        """Values of all that was counted, on all ranks: by ``<name>``, or ``<name>/<class>``; nan where undefined."""
        return {
            f"{name}/{part}" if part else name: value
            for name, metric in self.metrics.items()
            for part, value in self._details(name, self._computed(metric)).items()
        }

    @staticmethod
    def _computed(metric: Metric) -> object:
        with warnings.catch_warnings(action="ignore"):  # without an image, or one of a class: the value tells
            return metric.compute()

    def _details(self, name: str, value: object) -> Details:
        """The numbers of a value that a measure gives.

        Raises:
            ConfigError: It is no number, no number for each class, and no dict of numbers.
        """
        if isinstance(value, Tensor) and value.numel() == 1:
            return {"": float(value)}
        if isinstance(value, Mapping) and all(torch.is_tensor(part) and part.numel() == 1 for part in value.values()):
            return {str(key): float(part) for key, part in value.items()}
        parts = self._classes[-len(value) :] if isinstance(value, Tensor) and value.ndim == 1 and len(value) else ()
        if isinstance(value, Tensor) and len(parts) == len(value) >= len(self._classes) - 1 > 0:
            return {part: float(number) for part, number in zip(parts, value, strict=True)}
        found = f"values of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"a {type(value).__name__}"
        raise ConfigError(
            f"metric.{name}: {type(self.metrics[name]).__name__} gives {found}, expected a number, one for each class "
            "or a dict of numbers; the page of the run shows curves and the confusion matrix anyway"
        )

    def families(self, images: int) -> dict[str, Family]:
        """Figures of the test: of each image, and of all images as torchmetrics computes them.

        Args:
            images: Their number.
        """
        return {name: self._family(name, images) for name in self.metrics}

    def _family(self, name: str, images: int) -> Family:
        whole = self._details(name, self._computed(self.metrics[name]))
        rows = [self._images[name].get(number, {}) for number in range(images)]
        values = np.array([[row.get(part, math.nan) for part in whole] for row in rows], dtype=np.float64)
        exact = np.array([list(whole.values())], dtype=np.float64)
        names = [name if not part else f"{name}/{part}" for part in whole]
        if len(whole) > 1 and set(whole) <= set(self._classes):
            return Family(values, lambda sums: {name: sums}, list(whole), pooled=False, exact={name: exact})
        columns = dict(enumerate(names))

        def apart(sums: Array) -> dict[str, Array]:
            return {column: sums[:, place] for place, column in columns.items()}

        return Family(values, apart, [], pooled=False, exact=apart(exact))

    def averaging(self) -> dict[str, str]:
        """Text on the averaging of these figures, for results.json; empty where there are none."""
        return {", ".join(self.metrics): _AVERAGING} if self.metrics else {}

    def described(self) -> dict[str, FigureSpec]:
        """Direction, label and meaning of the figures whose measure says which way is better, by name."""
        found = {}
        for name, metric in self.metrics.items():
            kind = type(metric)
            if metric.higher_is_better is not None:
                meaning = f"as {kind.__module__.partition('.')[0]}.{kind.__qualname__} computes it"
                found[name] = FigureSpec("max" if metric.higher_is_better else "min", name, meaning=meaning)
        return found
