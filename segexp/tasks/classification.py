"""Classification: a class for every image, one logit per class, the most probable one is predicted."""

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from torch import Tensor, nn

from segexp.config.signatures.measure_names import MEAN
from segexp.data.base import ImageDataModule
from segexp.data.sampling.samples import Batch
from segexp.errors import MismatchError
from segexp.losses.class_weights import ClassWeighted
from segexp.metrics.figures import Array, dataset_leaves, plain
from segexp.metrics.label_scores import Labels, label_family, score_areas, score_family
from segexp.metrics.table import HostTable
from segexp.spec import IGNORED, DataSpec, FigureSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.label_result import LabelResult
from segexp.tasks.prediction import Prediction


class Classification(BaseTask):
    """A class for every image.

    Logged beside losses: ``train/accuracy`` of the training samples as they were when seen; of all validation images
    ``val/accuracy``, ``val/balanced_accuracy``, ``val/macro_f1``, precision, recall and F1 of each class
    (``val/recall/<class>``), and for two classes ``val/auc`` and ``val/ap``, the areas under the ROC and the
    precision-recall curve of the second class.
    """

    figure_specs: ClassVar = {
        "accuracy": FigureSpec("max", "accuracy", meaning="share of the images that are right"),
        "balanced_accuracy": FigureSpec(
            "max", "balanced accuracy", meaning="mean recall of the classes that the images are of"
        ),
        "macro_f1": FigureSpec("max", "macro F1", meaning="mean F1 of the classes"),
        "precision/<class>": FigureSpec(
            "max", "precision", meaning="share of the images taken for the class that are of it"
        ),
        "recall/<class>": FigureSpec("max", "recall", meaning="share of the images of the class that were found"),
        "f1/<class>": FigureSpec("max", "F1", meaning="harmonic mean of precision and recall"),
        "auc": FigureSpec(
            "max",
            "ROC-AUC",
            meaning="chance that an image of the second class gets a higher score than one of the first",
        ),
        "ap": FigureSpec(
            "max", "PR-AUC", meaning="area under precision over recall of the second class (average precision)"
        ),
    }
    target_forms = ("label",)
    model_form = "label"
    loss_class = ClassWeighted
    output_name = "probabilities"
    loss: ClassWeighted

    def __init__(self, model: nn.Module, loss: ClassWeighted, spec: DataSpec, *args: Any, **parts: Any) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to logits (B, K), one per class.
            loss: A loss of single pixels, which takes an image's logits as those of one pixel.
            spec: Classes and scaling.
            *args: As for :class:`BaseTask`.
            **parts: As for :class:`BaseTask`.
        """
        super().__init__(model, loss, self.adapted(spec), *args, **parts)
        self._counted = HostTable()

    @classmethod
    def adapted(cls, spec: DataSpec, **keys: Any) -> DataSpec:
        """The data's spec as it is.

        Raises:
            MismatchError: Targets are no labels, or of more classes than a byte can number.
        """
        cls.check_target(spec)
        if spec.num_classes > IGNORED:
            raise MismatchError(
                f"task=classification: found {spec.num_classes} classes, expected at most {IGNORED}; unite some"
            )
        return spec

    def probabilities(self, logits: Tensor) -> Tensor:
        """Class probabilities (B, K) of logits (B, K)."""
        return logits.softmax(dim=1)

    def deployed(self, outputs: Tensor) -> Tensor:
        """Class probabilities (B, K), which an exported file gives."""
        return self.probabilities(outputs)

    # ---- loss

    def computed(self) -> dict[str, Any]:
        """Weights of the loss that are computed from the training images."""
        return self.loss.resolved()

    def loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """All terms of the loss, of logits (B, K) and class numbers (B,)."""
        return self.loss.terms(outputs[:, :, None, None], target.to(torch.uint8)[:, None, None])

    def _log_loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        right = (outputs.detach().argmax(dim=1) == target).float().mean()
        self.log("train/accuracy", right, on_step=False, on_epoch=True, batch_size=len(target))
        return super()._log_loss(outputs, target)

    # ---- validation and test

    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets what was counted."""
        self._counted.reset()

    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Keeps class number and logits of each image of a batch; a few numbers an image."""
        rows = torch.cat([batch["target"][:, None].double().cpu(), outputs.double().cpu()], dim=1)
        self._counted.update(rows, batch["index"].cpu())

    def metric_inputs(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Probabilities (B, K), of two classes (B, 1) of the second, and class numbers (B,)."""
        found = self.probabilities(outputs)
        return found[:, 1:] if self.spec.is_binary else found, batch["target"]

    def figures(self) -> dict[str, float | None]:
        """Figures of all validation images."""
        truth, logits = self.counted()
        leaves = dataset_leaves([label_family(truth, logits.argmax(axis=1), self.spec.classes)])
        found = {"/".join(path): plain(value) for path, value in leaves.items() if path[0] != MEAN}
        return found | (score_areas(truth, logits) if self.spec.is_binary else {})

    def counted(self) -> tuple[Labels, Array]:
        """True classes int64 (N,) and logits float64 (N, K) of the images counted last, in their order."""
        rows = self._counted.table().numpy()
        return rows[:, 0].astype(np.int64), rows[:, 1:]

    def predictor_results(self) -> list[LabelResult]:
        """The model after a test: the most probable class."""
        truth, logits = self.counted()
        probabilities = self.probabilities(torch.from_numpy(logits)).numpy()
        prediction = logits.argmax(axis=1)
        families = {"labels": label_family(truth, prediction, self.spec.classes)}
        if self.spec.is_binary:
            families["scores"] = score_family(truth, logits)
        note = "most probable class"
        return [LabelResult("model", note, families, truth, prediction, self.spec.classes, probabilities)]

    def predictions(self, outputs: Tensor) -> list[Prediction]:
        """The most probable class of each image, and the probability of each class."""
        found = self.probabilities(outputs.double()).cpu().tolist()
        return [
            Prediction(
                {
                    "class": self.spec.classes[row.index(max(row))],
                    **{
                        f"probability/{name}": round(value, 6)
                        for name, value in zip(self.spec.classes, row, strict=True)
                    },
                }
            )
            for row in found
        ]

    def trivial_results(self, datamodule: ImageDataModule) -> Sequence[LabelResult]:
        """The class that most training images are of, for every image."""
        classes = self.spec.classes
        known = [int(item.target) for item in datamodule.origin.items("train")]
        common = int(np.bincount(known, minlength=len(classes)).argmax())
        truth = np.array([int(item.target) for item in datamodule.items("test")])
        prediction = np.full_like(truth, common)
        family = label_family(truth, prediction, classes)
        note = f"most common class, {known.count(common)} of {len(known)} training images"
        return [LabelResult(f"all {classes[common]}", note, {"labels": family}, truth, prediction, classes)]
