"""Segmentation: a class for every pixel, figures from counts, for two classes a threshold chosen in validation."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal, Self

import torch
from torch import Tensor, nn

from segexp.config.signatures.measure_names import IMAGE
from segexp.data.sampling.samples import Batch
from segexp.losses.base import SegmentationLoss
from segexp.losses.blocks import block_terms
from segexp.metrics.counts import ConfusionCounts
from segexp.metrics.log_odds import probability
from segexp.metrics.measures import dataset_scores, image_scores
from segexp.moved import renamed
from segexp.spec import DataSpec, MaskTarget
from segexp.tasks.base import MakeOptimizer
from segexp.tasks.dense import DenseTask
from segexp.tasks.log_names import flat_measures
from segexp.tasks.mask_result import MaskResult
from segexp.tasks.test_figures import Tested
from segexp.tasks.threshold import ThresholdChoice

SMALLEST = 1e-7
"""Probabilities that are turned into log-odds are kept this far from 0 and 1, so that these are finite."""


class Segmentation(DenseTask):
    """A class for every pixel.

    Logged beside losses, which for images larger than 1024x1024 are of blocks of them: ``val/accuracy``, ``val/miou``,
    ``val/iou/<class>``, ... from counts over all validation images at probability 0.5; the same with ``image_`` as the
    mean over images; for two classes ``val/auc`` and ``val/ap``.

    Two classes have one score, that of the second: the model's one logit, or with ``two_logits`` the second minus the
    first. Threshold, probability, AUC, AP and the mean over views and windows are of the score, so that both forms
    give the same figures. ``train/loss`` is of the model's logits; ``val/loss`` with two logits is of 0 and the score,
    which no softmax tells from them.

    Attributes:
        threshold: Score at and above which a pixel is of the second of two classes: 0 until a validation has chosen
            the one with the highest Dice of that class on validation images. Saved with each checkpoint.
        threshold_is_chosen: Whether a validation of all images has chosen it.
    """

    target_forms = ("mask",)
    loss_class = SegmentationLoss
    takes_measures = True
    loss: SegmentationLoss

    def __init__(
        self,
        model: nn.Module,
        loss: SegmentationLoss,
        spec: DataSpec,
        optimizer: MakeOptimizer,
        *,
        two_logits: bool = False,
        threshold: float = 0.0,
        **parts: Any,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to logits (B, K, H, W).
            loss: Applied to these logits and the uint8 mask.
            spec: Classes and scaling.
            optimizer: Makes the optimiser from the parameters.
            two_logits: Whether models of two classes give a logit for each of them, as cross-entropy takes them.
            threshold: Score at and above which a pixel is of the second of two classes.
            **parts: As for :class:`DenseTask`.
        """
        super().__init__(model, loss, self.adapted(spec, two_logits=two_logits), optimizer, **parts)
        self.threshold = threshold
        self.threshold_is_chosen = False
        self.tested: Tested
        self._counts = ConfusionCounts(self.spec.num_classes)
        self._choice = ThresholdChoice() if self.spec.is_binary else None

    @classmethod
    def adapted(cls, spec: DataSpec, *, two_logits: bool = False, **keys: Any) -> DataSpec:
        """With two logits for two classes where ``two_logits`` says so."""
        if not (two_logits and isinstance(spec.target, MaskTarget)):
            return spec
        return replace(spec, target=replace(spec.target, two_logits=True))

    def at_threshold(self, threshold: float) -> Self:
        """Gives a task of the same network with another threshold (a score)."""
        other = self.twin()
        other.threshold = threshold
        return other

    def judged(self, outputs: Tensor) -> Tensor:
        """Scores (B, 1, H, W) of the logits of two classes; logits of more are as they are."""
        two = self.spec.is_binary and outputs.shape[1] == 2
        return outputs[:, 1:] - outputs[:, :1] if two else outputs

    def probabilities(self, logits: Tensor) -> Tensor:
        """Class probabilities (B, K, H, W) of logits or scores; K = 1 (the second class) for two classes."""
        if self.spec.is_binary:
            return self.judged(logits).sigmoid()
        return logits.softmax(dim=1)

    def spatial(self, outputs: Tensor) -> Tensor:
        """Probabilities: a mean of logits would follow the pixel that is most certain."""
        return self.probabilities(outputs)

    def from_spatial(self, values: Tensor) -> Tensor:
        """Log-odds (two classes) or logarithms of probabilities, whose sigmoid or softmax gives them back."""
        return torch.logit(values, eps=SMALLEST) if self.spec.is_binary else values.clamp(min=SMALLEST).log()

    def classify(self, logits: Tensor, threshold: float) -> Tensor:
        """Class numbers uint8 (B, H, W) of logits or scores; ``threshold`` is a score and for two classes only."""
        if self.spec.is_binary:
            return (self.judged(logits)[:, 0] >= threshold).to(torch.uint8)
        return logits.argmax(dim=1).to(torch.uint8)

    def computed(self) -> dict[str, Any]:
        """Weights of the loss that are computed from the training images."""
        return self.loss.resolved()

    def loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """All terms of the loss."""
        return self.loss.terms(outputs, target)

    def evaluation_loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """All terms of the loss, of large images block by block."""
        if self.spec.out_channels != outputs.shape[1]:
            outputs = torch.cat([torch.zeros_like(outputs), outputs], dim=1)
        return block_terms(self.loss, outputs, target)

    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets what was counted; at a test probability 0.5 counts as well, to show what the threshold gains."""
        if phase == "test":
            self.tested = Tested(self.spec, self.measures, self.device)

    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Counts pixels at probability 0.5, at a test also at the threshold, and takes the costly measures."""
        if phase == "test":
            predictions = {
                "at_threshold": self.classify(outputs, self.threshold), "at_half": self.classify(outputs, 0.0)
            }  # fmt: skip
            self.tested.update(outputs, self.probabilities, predictions, batch)
            return
        self._counts.update(self.classify(outputs, 0.0), batch["target"], batch["index"])
        if self._choice is not None:
            self._choice.update(outputs, batch["target"])

    def metric_inputs(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Probabilities (B, K, H, W), K = 1 for two classes, and class numbers (B, H, W)."""
        return self.probabilities(outputs), batch["target"]

    def figures(self) -> dict[str, float | None]:
        """Figures of all validation images; chooses the threshold on them."""
        matrices = self._counts.compute()[1].cpu()  # float64 from here on, which not every device has
        pooled = dataset_scores(matrices, self.spec.classes)
        by_image = {IMAGE + name: value for name, value in image_scores(matrices, self.spec.classes).items()}
        named = {name.removeprefix("val/"): value for name, value in flat_measures("val", {**pooled, **by_image})}
        self._counts.reset()
        if self._choice is not None:
            threshold, areas = self._choice.choose(log=self.trainer.is_global_zero)
            named |= areas
            if self.may_choose:
                self.threshold, self.threshold_is_chosen = threshold, True
        return named

    def predictor_results(self) -> list[MaskResult]:
        """The model after a test: at its threshold, and for two classes at 0.5 as well."""
        views = "" if self.tta == "none" else f", mean over {self.tta} views"
        if not self.spec.is_binary:
            return [self._result("model", f"most probable class{views}", "at_threshold")]
        note = f"threshold {probability(self.threshold):.3f}{views}"
        return [
            self._result("model", note, "at_threshold"),
            self._result("model at 0.5", f"threshold 0.5{views}", "at_half"),
        ]

    def _result(self, name: str, note: str, counted: str) -> MaskResult:
        matrices, families = self.tested.families(counted)
        return MaskResult(name, note, families, matrices, self.spec.classes)

    def on_train_epoch_start(self) -> None:
        """Starts the clock of the epoch; sets the weights of a loss that change with it."""
        self.loss.at_epoch(self.current_epoch)
        super().on_train_epoch_start()

    def on_train_epoch_end(self) -> None:
        """Logs rate and seconds, and the weights of a loss that change with the epochs."""
        super().on_train_epoch_end()
        self.log_dict({f"weight/{term}": weight for term, weight in self.loss.weights_now.items()})

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Tensor:
        """Class numbers uint8 (B, H, W) of whole images, for two classes at the threshold."""
        return self.classify(self.evaluated(self.taken(batch)["image"]), self.threshold)

    def state(self) -> dict[str, Any]:
        """The threshold that was chosen with these weights."""
        told = {} if self.threshold_is_chosen else {"threshold_chosen": False}
        return {"threshold_logit": self.threshold, **told}

    def take_state(self, stored: Mapping[str, Any]) -> None:
        """Takes the threshold that was chosen with these weights."""
        self.threshold = float(stored["threshold_logit"])
        self.threshold_is_chosen = bool(stored.get("threshold_chosen", True))


def __getattr__(name: str) -> Any:
    """The class under its name of version 0.1."""
    if name != "SegmentationModule":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    renamed("SegmentationModule", "Segmentation")
    return Segmentation
