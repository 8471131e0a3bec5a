"""The LightningModule of every segmentation experiment: one shared step, figures from counts."""

import contextlib
import time
from collections.abc import Callable, Sequence
from typing import Any

import lightning.pytorch as pl
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from segexp.config.measure_names import IMAGE
from segexp.errors import DivergedError
from segexp.losses.base import TOTAL, SegmentationLoss
from segexp.losses.blocks import block_terms
from segexp.metrics.counts import ConfusionCounts
from segexp.metrics.curves import ScoreCurve, within
from segexp.metrics.measures import dataset_scores, image_scores
from segexp.metrics.scores import ScoreHistogram
from segexp.models.auxiliary import Supervised
from segexp.models.sizes import same_size
from segexp.runs.console import LOG
from segexp.scaling import batch_statistics
from segexp.spec import DataSpec
from segexp.tasks.distributed import ImageMeans, SharedBatchNorm, whole_batch, whole_outputs
from segexp.tasks.log_names import flat_measures, named_terms
from segexp.tasks.scaling import Normalize
from segexp.tasks.schedule import Schedule
from segexp.tasks.speed import Speed
from segexp.tasks.test_figures import Measures, Tested
from segexp.tasks.tta import Precision, Tta, augmented
from segexp.windows.settings import Inference
from segexp.windows.sliding import sliding_window

Batch = dict[str, Tensor]


class SegmentationModule(pl.LightningModule):
    """Scales images, runs the model, and gathers loss and counts over whole data sets.

    Logged: ``train/loss`` and ``val/loss``, with ``/<term>`` for the terms of a sum: the mean over batches, weighted by
    their images (losses that pool a batch, such as Jaccard, thus depend on its size), of images larger than 1024x1024
    over blocks of them. ``val/accuracy``, ``val/miou``, ``val/iou/<class>``, ... from counts over all validation images
    at probability 0.5; the same with ``image_`` as the mean over images; for two classes ``val/auc`` and ``val/ap``.

    Attributes:
        inference: Whether validation and test see images whole or in windows.
        tta: Test-time augmentation of validation and test; off while fitting.
        measures: Costly measures by name, taken at the test only.
        shares: On several ranks, how many samples each of them has of a batch of an epoch, by the batch's number.
        threshold: Logit at and above which a pixel is foreground (two classes): 0 until a validation has chosen the
            one with the highest foreground Dice on validation images. Saved with each checkpoint.
    """

    sharded = False
    """Whether each rank holds a part of the weights only."""

    def __init__(
        self,
        model: nn.Module,
        loss: SegmentationLoss,
        spec: DataSpec,
        optimizer: Callable[[Any], Optimizer],
        schedule: Schedule | None = None,
        speed: Speed | None = None,
        record: dict[str, Any] | None = None,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to logits (B, K, H, W).
            loss: Applied to these logits and the uint8 mask.
            spec: Classes and scaling.
            optimizer: Makes the optimiser from the parameters.
            schedule: Learning-rate schedule; None: constant.
            speed: Faster settings in force.
            record: Plain values stored in each checkpoint, from which the model can be built again.
        """
        super().__init__()
        self.speed = speed or Speed()
        layout = torch.channels_last if self.speed.channels_last else torch.contiguous_format
        self.model = model.to(memory_format=layout)  # type: ignore[call-overload] # stubs know only the one form
        self.loss = loss
        self.spec = spec
        self.scale = Normalize(spec, channels_last=self.speed.channels_last)
        self.threshold = 0.0
        self.inference = Inference()
        self.tta: Tta = "none"
        self.precision: Precision = "float32"
        self.measures: Measures = {}
        self.shares: Callable[[int], Sequence[int]] | None = None
        self._optimizer = optimizer
        self._schedule = schedule
        self._record = record or {}
        self._counts = ConfusionCounts(spec.num_classes)
        self._scores = ScoreHistogram() if spec.is_binary else None
        self._bound_told = False
        self._val_losses = ImageMeans()
        self._epoch_start = 0.0
        self._rate = 0.0
        self.tested: Tested
        if self.speed.compile:
            # In place: keys of the state dict stay those of the plain model.
            self.model.compile()

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Logits of raw images.

        Args:
            image: uint8 (B, C, H, W).
            stats: float32 (B, 2, C) of the whole images, for crops of them; see :class:`Normalize`.

        Returns:
            float (B, K, H, W) of the image's size.
        """
        outputs = self.outputs(image, stats)
        return outputs.logits if isinstance(outputs, Supervised) else outputs

    def outputs(self, image: Tensor, stats: Tensor | None = None) -> Tensor | Supervised:
        """As :meth:`forward`, but with the auxiliary logits that some models give in training mode."""
        return same_size(self.model, self.scale(image, stats))

    def evaluated(self, image: Tensor) -> Tensor:
        """Logits of whole images as they are judged, the same in validation, test and prediction.

        Large images are seen in windows, each of them in all views of the test-time augmentation: as many forward
        passes as windows of every view, and the logits are blended once.

        Args:
            image: Raw images (B, C, H, W).

        Returns:
            float32 (B, K, H, W).
        """
        settings = self.inference
        window = settings.window_for(*image.shape[-2:])
        if window is None:
            return self.views()(image)
        stats = batch_statistics(image) if self.scale.per_image else None
        together = settings.windows_in_a_pass(image.device.type)
        return sliding_window(self.views(stats), image, window, settings.overlap, settings.blend, together)

    def views(self, stats: Tensor | None = None) -> Callable[[Tensor], Tensor]:
        """What windows give in all views of the test-time augmentation.

        Args:
            stats: float32 (B, 2, C) of the whole images that the windows are cut from; see :class:`Normalize`.

        Returns:
            From raw windows (N, C, h, w), N a multiple of B, to float32 logits (N, K, h, w).
        """

        def forward(windows: Tensor) -> Tensor:
            own = None if stats is None else stats.repeat(len(windows) // len(stats), 1, 1)
            # Switched off where it is not asked for: figures of a test are those of float32.
            with torch.autocast(windows.device.type, torch.bfloat16, enabled=self.precision == "bfloat16"):
                return augmented(lambda view: self(view, own).float(), windows, self.tta)

        return forward

    def probabilities(self, logits: Tensor) -> Tensor:
        """Class probabilities of logits (B, K, H, W), the same shape; K = 1 (the foreground) for two classes."""
        probabilities: Tensor = logits.sigmoid() if self.spec.is_binary else logits.softmax(dim=1)
        return probabilities

    def classify(self, logits: Tensor, threshold: float) -> Tensor:
        """Class numbers uint8 (B, H, W) of logits (B, K, H, W); ``threshold`` is a logit and for two classes only."""
        if self.spec.is_binary:
            return (logits[:, 0] >= threshold).to(torch.uint8)
        return logits.argmax(dim=1).to(torch.uint8)

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """What is minimised, under bfloat16 autocast where that is on: the loss, and the weighted auxiliary losses.

        ``train/loss`` is the loss of the model's own logits, comparable with ``val/loss``; what auxiliary outputs add
        is logged as ``train/loss/auxiliary``.

        On several ranks each computes the loss of the whole batch, of which its own samples have a gradient; times
        their number, since gradients are averaged over ranks.
        """
        # Read here: at the end of the epoch the schedule has moved on.
        self._rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        sizes = None if self.shares is None else self.shares(batch_idx)
        shared = contextlib.nullcontext() if sizes is None else SharedBatchNorm()
        with shared, torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.speed.bfloat16):
            outputs = self.outputs(batch["image"], batch.get("stats"))
        mask = batch["target"]
        if sizes is not None:
            outputs, mask = whole_outputs(outputs, sizes), whole_batch(mask, sizes)
        if isinstance(outputs, Supervised):
            loss = self._log_loss(outputs.logits, mask) + self._log_auxiliary(outputs, mask)
        else:
            loss = self._log_loss(outputs, mask)
        return loss if sizes is None else loss * len(sizes)

    def validation_step(self, batch: Batch, batch_idx: int) -> None:
        """Loss and counts of whole images, in float32.

        Raises:
            DivergedError: A logit is nan; it would count as background and look like a result.
        """
        first = int(batch["index"][0])
        if first < 0:
            return  # a rank without an image of its own was given one that another has
        logits = self.evaluated(batch["image"])
        self._refuse_nan(logits, f"after epoch {self.current_epoch + 1}")
        terms = block_terms(self.loss, logits, batch["target"])
        self._val_losses.add(first, len(batch["target"]), named_terms("val", terms))
        self._counts.update(self.classify(logits, 0.0), batch["target"], batch["index"])
        if self._scores is not None:
            self._scores.update(logits, batch["target"])

    @staticmethod
    def _refuse_nan(logits: Tensor, when: str) -> None:
        if bool(logits.isnan().any()):
            raise DivergedError(
                f"the model gives nan {when}: training diverged. Lower optimizer.lr, "
                "limit the gradient (trainer.gradient_clip_val=1.0) or train with speed.precision=float32"
            )

    def on_test_epoch_start(self) -> None:
        """Starts counting; at probability 0.5 as well, so that the gain of the chosen threshold can be seen."""
        self.tested = Tested(self.spec, self.measures, self.device)

    def test_step(self, batch: Batch, batch_idx: int) -> None:
        """Counts and sums of whole images, in float32, at the stored threshold and at 0.5.

        Raises:
            DivergedError: A logit is nan, as in validation.
        """
        logits = self.evaluated(batch["image"])
        self._refuse_nan(logits, "for a test image")
        predictions = {"at_threshold": self.classify(logits, self.threshold), "at_half": self.classify(logits, 0.0)}
        self.tested.update(logits, self.probabilities, predictions, batch)

    def _log_loss(self, logits: Tensor, mask: Tensor) -> Tensor:
        terms = self.loss.terms(logits, mask)
        self.log_dict(named_terms("train", terms), on_step=False, on_epoch=True, batch_size=len(mask))
        return terms[TOTAL]

    def _log_auxiliary(self, outputs: Supervised, mask: Tensor) -> Tensor:
        """Weighted sum of the losses of the auxiliary logits."""
        pairs = zip(outputs.weights, outputs.auxiliary, strict=True)
        total = torch.stack([weight * self.loss(logits, mask) for weight, logits in pairs]).sum()
        self.log("train/loss/auxiliary", total.detach(), on_step=False, on_epoch=True, batch_size=len(mask))
        return total

    def on_validation_epoch_end(self) -> None:
        """Logs the figures of all validation images and chooses the threshold on them."""
        self.log_dict(self._val_losses.take())
        matrices = self._counts.compute()[1].cpu()  # float64 from here on, which not every device has
        pooled = dataset_scores(matrices, self.spec.classes)
        by_image = {IMAGE + name: value for name, value in image_scores(matrices, self.spec.classes).items()}
        named = dict(flat_measures("val", {**pooled, **by_image}))
        self._counts.reset()
        if self._scores is not None:
            curve = self._scores.compute()
            named |= {"val/auc": curve.auc(), "val/ap": curve.average_precision()}
            self._say_bound(curve)
            best = curve.best_threshold()
            self.threshold = best.logit if best is not None else 0.0
            self._scores.reset()
        self.log_dict({name: float("nan") if value is None else value for name, value in named.items()})

    def _say_bound(self, curve: ScoreCurve) -> None:
        """Says once what AUC, AP and threshold of a large set are worth."""
        if curve.bound and not self._bound_told and self.trainer.is_global_zero:
            LOG.info(f"val/auc, val/ap and the threshold are of {curve.pixels} pixels, {within(curve.bound)}")
            self._bound_told = True

    def on_train_epoch_start(self) -> None:
        """Starts the clock of the epoch; sets the weights of a loss that change with it."""
        self.loss.at_epoch(self.current_epoch)
        self._epoch_start = time.perf_counter()

    def on_train_epoch_end(self) -> None:
        """Logs the learning rate of the last batch and the seconds of the epoch; moves a plateau schedule."""
        if self._schedule is not None:
            self._schedule.watch(self.lr_schedulers(), self.current_epoch, self.trainer.callback_metrics)
        weights = {f"weight/{term}": weight for term, weight in self.loss.weights_now.items()}
        self.log_dict({"lr": self._rate, "seconds": time.perf_counter() - self._epoch_start, **weights})

    def make_optimizer(self) -> Optimizer:
        """The optimiser of all weights that are trained."""
        return self._optimizer([p for p in self.parameters() if p.requires_grad])

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule as Lightning wants them."""
        optimizer = self.make_optimizer()
        if self._schedule is None:
            return optimizer
        steps = int(self.trainer.estimated_stepping_batches)
        scheduler = self._schedule.build(optimizer, steps=steps, epochs=self.trainer.max_epochs or 1)
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.for_lightning(scheduler)}

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds config, data spec and threshold: all that is needed to build the model again; plain types only."""
        checkpoint["segexp"] = {
            **self._record,
            "spec": self.spec.to_dict(),
            "threshold_logit": self.threshold,
        }

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the threshold that was chosen with these weights."""
        self.threshold = float(checkpoint["segexp"]["threshold_logit"])
