"""Validation, test and prediction of a task: whole images of one or several loaders, counted and logged."""

from typing import Any, Literal

import torch
from torch import Tensor

from segexp.data.base import ImageDataModule
from segexp.data.sampling.samples import Batch
from segexp.errors import DivergedError
from segexp.metrics.torch_metrics import TorchMetrics
from segexp.tasks.distributed import ImageMeans
from segexp.tasks.hooks import TaskHooks
from segexp.tasks.loaders import flat_loaders, named_by_loader, validates_whole
from segexp.tasks.log_names import headline, named_terms
from segexp.tasks.steps.forward import ForwardPass


class EvaluationSteps(ForwardPass):
    """A task as far as it is judged.

    Attributes:
        metrics: Measures of torchmetrics, taken at validation and test.
    """

    metrics: TorchMetrics

    def __init__(self) -> None:
        """Has counted nothing yet."""
        super().__init__()
        self._val_losses = ImageMeans()
        self._loader = 0
        self._loader_figures: list[dict[str, float]] = []

    def validation_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Loss and counts of whole images, in float32.

        Raises:
            DivergedError: An output is nan; it would count as something and look like a result.
        """
        self._turn_to("val", dataloader_idx)
        batch = self.taken(batch)
        first = int(batch["index"][0])
        if first < 0:
            return  # a rank without an image of its own was given one that another has
        outputs = self.evaluated(batch["image"])
        self._refuse_nan(outputs, batch, "val", f"after epoch {self.current_epoch + 1}")
        with torch.autocast(outputs.device.type, enabled=False):
            terms = self.evaluation_loss_terms(outputs, self.target_of(batch))
        self._val_losses.add(first, len(batch["target"]), named_terms("val", terms))
        self.count("val", outputs, batch)
        if self.metrics.metrics:
            self.metrics.update(*self.metric_inputs(outputs, batch))

    @property
    def may_choose(self) -> bool:
        """True if what is counted may choose a threshold: all images of the first loader of a validation."""
        return self._loader == 0 and validates_whole(self.trainer, 0)

    def _start_loader(self, phase: Literal["val", "test"], number: int) -> None:
        """Starts counting the images of a loader."""
        self._loader = number
        self._numbered = 0
        self.start_counting(phase)
        self.metrics.start(self.device)

    def _turn_to(self, phase: Literal["val", "test"], number: int) -> None:
        """Closes what was counted of the loaders before one; all ranks pass by each of them."""
        while self._loader < number:
            self._loader_figures.append(self._figures_to_log(phase))
            self._start_loader(phase, self._loader + 1)

    def _figures_to_log(self, phase: Literal["val", "test"]) -> dict[str, float]:
        """Figures of a loader by their logged names."""
        if phase == "test":
            return headline({"rows": [self.predictor_results()[0].to_dict(None)]}) if self.logs_test else {}
        losses = self._val_losses.take()
        named = {f"val/{name}": value for name, value in self.figures().items()}
        named |= {f"val/{name}": value for name, value in self.metrics.values().items()}
        return losses | {name: float("nan") if value is None else value for name, value in named.items()}

    def _log_loaders(self, phase: Literal["val", "test"], loaders: Any) -> None:
        """Logs the figures of all loaders."""
        self._turn_to(phase, len(flat_loaders(loaders)) - 1)
        found, self._loader_figures = [*self._loader_figures, self._figures_to_log(phase)], []
        self.log_dict(named_by_loader(found), add_dataloader_idx=False)

    def on_validation_epoch_start(self) -> None:
        """Starts counting."""
        self._start_loader("val", 0)

    def on_validation_epoch_end(self) -> None:
        """Logs the figures of all validation images; of several loaders see :func:`named_by_loader`."""
        self._log_loaders("val", self.trainer.val_dataloaders)

    def on_test_epoch_start(self) -> None:
        """Starts counting."""
        self._start_loader("test", 0)

    def test_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> None:
        """Counts whole images, in float32.

        Raises:
            DivergedError: An output is nan, as in validation.
        """
        self._turn_to("test", dataloader_idx)
        batch = self.taken(batch)
        outputs = self.evaluated(batch["image"])
        self._refuse_nan(outputs, batch, "test", "for a test image")
        self.count("test", outputs, batch)
        if self.metrics.metrics:
            self.metrics.update_images(*self.metric_inputs(outputs, batch), batch["index"])

    def on_test_epoch_end(self) -> None:
        """Logs the figures of all test images: over all of them where there are such, else the mean over images."""
        self._log_loaders("test", self.trainer.test_dataloaders)

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        """Predictions for each image (B), see :meth:`predictions`; its outputs where it does not say."""
        outputs = self.evaluated(self.taken(batch)["image"])
        return outputs if type(self).predictions is TaskHooks.predictions else self.predictions(outputs)

    def _refuse_nan(self, outputs: Tensor, batch: Batch, phase: Literal["val", "test"], when: str) -> None:
        bad = outputs.isnan().reshape(len(outputs), -1).any(1)
        if not bool(bad.any()):
            return
        data = getattr(self._trainer, "datamodule", None)
        items = data.items(phase) if isinstance(data, ImageDataModule) else []
        names = [items[number].name for number in batch["index"][bad.cpu()].tolist() if number < len(items)]
        named = f" ({', '.join(names[:4])})" if names else ""
        raise DivergedError(
            f"the model gives nan {when}{named}: training diverged. Lower optimizer.lr, "
            "limit the gradient (trainer.gradient_clip_val=1.0) or train with speed.precision=float32"
        )
