"""What a test counts of each image: pixels, probabilities, and the costly measures that were chosen."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.metrics.base import ImageMeasure, ImagePrediction
from segexp.metrics.class_scores import ClassScores
from segexp.metrics.counts import ConfusionCounts
from segexp.metrics.figures import Family
from segexp.metrics.measures import count_family
from segexp.metrics.table import HostTable
from segexp.spec import DataSpec
from segexp.system.allocator import return_memory

Measures = Mapping[str, ImageMeasure]


class MeasureSums:
    """Sums of the costly measures for one predictor, a row per image.

    Attributes:
        seconds: Time that each measure took.
    """

    def __init__(self, spec: DataSpec, measures: Measures, *, probability: bool = True) -> None:
        """Starts counting.

        Args:
            spec: Classes.
            measures: By name, prepared for the data.
            probability: Whether the predictor gives probabilities; measures that need them are passed over if not.
        """
        self._spec = spec
        self._measures = {name: m for name, m in measures.items() if probability or not m.needs_probability}
        self.tables = {name: HostTable() for name in self._measures}
        self.seconds = dict.fromkeys(self._measures, 0.0)

    def update(self, image: ImagePrediction, index: int) -> None:
        """Takes the image of this number: with probabilities, measures that need them; without, all others."""
        ids = torch.tensor([index])
        for name, measure in self._measures.items():
            if measure.needs_probability != (image.probability is not None):
                continue
            start = time.perf_counter()
            sums = measure.sums(image, measure.classes(self._spec))
            self.tables[name].update(torch.from_numpy(np.ascontiguousarray(sums)).reshape(1, -1), ids)
            return_memory(image.truth.size)
            self.seconds[name] += time.perf_counter() - start

    def families(self) -> dict[str, Family]:
        """The figures of each measure, from the images of all ranks."""
        return {name: self._family(name, measure) for name, measure in self._measures.items()}

    def _family(self, name: str, measure: ImageMeasure) -> Family:
        numbers = measure.classes(self._spec)
        rows = self.tables[name].table()
        sums = rows.numpy().reshape(len(rows), len(numbers), rows.shape[1] // max(len(numbers), 1))
        return Family(sums, measure.figures, [self._spec.classes[k] for k in numbers], pooled=measure.pooled)


class Tested:
    """Counts of one test: at the chosen threshold, for two classes at 0.5 as well, and over all thresholds."""

    def __init__(self, spec: DataSpec, measures: Measures, device: torch.device) -> None:
        self._spec = spec
        self.speed: dict[str, float] = {}
        names = ("at_threshold", "at_half") if spec.is_binary else ("at_threshold",)
        self.counts = {name: ConfusionCounts(spec.num_classes).to(device) for name in names}
        self.sums = {name: MeasureSums(spec, measures) for name in names}
        self.scores = ClassScores(spec.score_channels)
        self._needs_probability = any(measure.needs_probability for measure in measures.values())

    def update(
        self,
        logits: Tensor,
        probabilities: Callable[[Tensor], Tensor],
        predictions: Mapping[str, Tensor],
        batch: Mapping[str, Tensor],
    ) -> None:
        """Takes a batch.

        Args:
            logits: float32 (B, K, H, W).
            probabilities: Of logits, the same shape.
            predictions: Class numbers uint8 (B, H, W), ``at_threshold`` and for two classes ``at_half``.
            batch: The truth uint8 (B, H, W) under ``target`` and the numbers of the images (B,) under ``index``.
        """
        self.scores.update(logits, batch["target"], batch["index"])
        for name, counts in self.counts.items():
            counts.update(predictions[name], batch["target"], batch["index"])
        for place, index in enumerate(batch["index"].tolist()):
            truth = batch["target"][place].cpu().numpy()
            image = {name: ImagePrediction(predictions[name][place].cpu().numpy(), truth) for name in self.sums}
            if self._needs_probability:
                likely = self._likely(logits, probabilities, place)
                for name, sums in self.sums.items():
                    sums.update(replace(image[name], probability=likely), index)
                # The others need them no more: 100 MB of a tile of 5000x5000.
                del likely
            for name, sums in self.sums.items():
                sums.update(image[name], index)

    def _likely(self, logits: Tensor, probabilities: Callable[[Tensor], Tensor], place: int) -> NDArray[np.float32]:
        """Probabilities of one image of the batch, (K, H, W)."""
        # One by one: vectorised code rounds the last digit by the place in the batch.
        own = logits if len(logits) == 1 else logits[place : place + 1].clone()
        found: NDArray[np.float32] = probabilities(own)[0].float().cpu().numpy()
        return found

    def families(self, name: str) -> tuple[Tensor, dict[str, Family]]:
        """Counts int64 (N, C, C) of a predictor, and all its figures by family: counts, scores, costly measures."""
        matrices: Tensor = self.counts[name].compute()[1].cpu()
        classes = self._spec.classes
        families: dict[str, Family] = {"counts": count_family(matrices, classes), "scores": self.scores.family(classes)}
        return matrices, families | self.sums[name].families()

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds that each costly measure took."""
        total: dict[str, float] = {}
        for sums in self.sums.values():
            for name, seconds in sums.seconds.items():
                total[name] = total.get(name, 0.0) + seconds
        return total
