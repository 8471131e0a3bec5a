"""What every task shares: scaling, optimiser, schedule, speed, the step of one or several ranks, the checkpoint."""

import contextlib
import copy
import math
import time
from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, ClassVar, Literal, Self

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from segexp.config.checks.task_fit import unfit_target
from segexp.data.base import ImageDataModule
from segexp.data.sampling.samples import Batch
from segexp.errors import DivergedError, MismatchError
from segexp.losses.base import TOTAL
from segexp.metrics.torch_metrics import TorchMetrics
from segexp.models.auxiliary import Supervised
from segexp.models.sizes import same_size
from segexp.moved import warn_of_directions
from segexp.runs.checkpoint_format import STAMP
from segexp.spec import DataSpec, Direction, FigureSpec
from segexp.tasks.distributed import ImageMeans, SharedBatchNorm, all_gather_batch, all_gather_outputs
from segexp.tasks.loaders import flat_loaders, named_by_loader, validates_whole
from segexp.tasks.log_names import headline, named_terms
from segexp.tasks.normalize import Normalize
from segexp.tasks.param_groups import ParamGroups
from segexp.tasks.prediction import Prediction
from segexp.tasks.predictor_result import PredictorResult
from segexp.tasks.schedule import Schedule
from segexp.tasks.speed import Speed
from segexp.tasks.standalone import Standalone
from segexp.tasks.step_trace import StepTrace
from segexp.tasks.steps import optimizer_steps, planned_epochs
from segexp.tasks.test_figures import Measures
from segexp.windows.settings import Inference

WEIGHT_TYPES = (torch.float16, torch.bfloat16, torch.float64)
"""Numbers that weights have beside float32, as ``trainer.precision`` asks for."""
MakeOptimizer = Callable[[Any], Optimizer]


class BaseTask(Standalone):
    """A network that learns; a subclass says what a batch counts for.

    It is complete when constructed: a section ``task`` of the config gives the keys of the subclass, and training gives
    all that stands below, which a subclass takes as ``**parts`` and hands on. A subclass writes
    :meth:`start_counting`, :meth:`count`, :meth:`figures` and :meth:`predictor_results`.

    Logged: ``train/loss`` and ``val/loss``, with ``/<term>`` for the terms of a sum: the mean over batches, weighted by
    their images; ``val/<figure>`` of all validation images; ``lr`` and ``seconds``.

    Attributes:
        figure_specs: Direction, label, unit and meaning of each figure that it logs of validation and test, by name.
            It is written out: it is read from the source, so that ``monitor`` is checked before torch is imported.
        target_forms: Forms of the targets that it learns from, see :class:`segexp.spec.Target`; empty: any. This and
            the next four are written out in the class, too: they are compared with the other parts before all else.
        model_form: Form of the outputs that it takes: ``mask``: for every pixel, ``label``: of whole images; None: any.
        loss_class: What the section ``loss`` has to give.
        unfit_loss: Class of losses that it cannot use though they are below ``loss_class``; None: none.
        takes_measures: Whether the costly measures of the section ``metric`` are of its kind of target.
        output_name: Name of what an exported file gives, see :meth:`deployed`; other than ``image``, that of its input.
        spec: Target, channels and scaling.
        inference: Whether validation and test see images whole or in windows.
        measures: Costly measures by name, taken at the test only.
        metrics: Measures of torchmetrics, taken at validation and test.
        trace: What the last training step computed; None once it was judged.
    """

    figure_specs: ClassVar[Mapping[str, FigureSpec]] = MappingProxyType({})
    target_forms: ClassVar[tuple[str, ...]] = ()
    model_form: ClassVar[str | None] = None
    loss_class: ClassVar[type[nn.Module]] = nn.Module
    unfit_loss: ClassVar[type[nn.Module] | None] = None
    takes_measures: ClassVar[bool] = False
    output_name: ClassVar[str] = "outputs"
    sharded = False
    """Whether each rank holds a part of the weights only."""

    def __init__(
        self,
        model: nn.Module,
        loss: nn.Module,
        spec: DataSpec,
        optimizer: MakeOptimizer,
        *,
        schedule: Schedule | None = None,
        speed: Speed | None = None,
        record: dict[str, Any] | None = None,
        inference: Inference | None = None,
        measures: Measures | None = None,
        metrics: TorchMetrics | None = None,
        shares: Callable[[int], Sequence[int]] | None = None,
        param_groups: ParamGroups | None = None,
        skips_nan: bool = False,
    ) -> None:
        """Ties the parts together.

        Args:
            model: Float image (B, C, H, W) to outputs with K channels.
            loss: Applied to these outputs and the target.
            spec: Target and scaling.
            optimizer: Makes the optimiser from the parameters.
            schedule: Learning-rate schedule; None: constant.
            speed: Faster settings in force.
            record: Plain values stored in each checkpoint, from which the model can be built again.
            inference: Windows of validation and test; None: the usual ones.
            measures: Costly measures by name, prepared for the data.
            metrics: Measures of torchmetrics, taken at validation and test.
            shares: On several ranks, how many samples each of them has of a batch of an epoch, by the batch's number.
            param_groups: Weights with another learning rate or decay; None: none.
            skips_nan: Whether steps are left out whose loss is not finite, so that means over an epoch are without it.
        """
        super().__init__()
        self.speed = speed or Speed()
        layout = torch.channels_last if self.speed.channels_last else torch.contiguous_format
        self.model = model.to(memory_format=layout)  # type: ignore[call-overload] # stubs know only the one form
        self.loss = loss
        self.spec = spec
        self.scale = Normalize(spec, channels_last=self.speed.channels_last)
        self.inference = inference or Inference()
        self.measures = measures or {}
        self.metrics = metrics or TorchMetrics()
        self._shares = shares
        self._optimizer = optimizer
        self._schedule = schedule
        self._param_groups = param_groups or ParamGroups()
        self._record = record or {}
        self._val_losses = ImageMeans()
        self._epoch_start = 0.0
        self._rate = 0.0
        self._skips_nan = skips_nan
        self.trace: StepTrace | None = None
        self._loader = 0
        self._loader_figures: list[dict[str, float]] = []
        if self.speed.compile:
            # In place: keys of the state dict stay those of the plain model.
            self.model.compile()

    def __init_subclass__(cls, **keywords: Any) -> None:
        """Warns of a class that names its figures by their directions alone."""
        super().__init_subclass__(**keywords)
        warn_of_directions(cls)

    @classmethod
    def described_figures(cls) -> dict[str, FigureSpec]:
        """Each figure with direction, label, unit and meaning."""
        # {"mae": "min"}, which works until version 0.3.
        directions: Mapping[str, Direction] = getattr(cls, "directions", {})
        return {name: FigureSpec(way, name) for name, way in directions.items()} or dict(cls.figure_specs)

    @classmethod
    def adapted(cls, spec: DataSpec, **keys: Any) -> DataSpec:
        """The data's spec as a model is built for it; a task whose keys change the target says so here.

        Args:
            spec: Of the data.
            **keys: Of the section ``task``.

        Raises:
            MismatchError: Targets are of none of its forms.
        """
        if cls.target_forms and spec.target.form not in cls.target_forms:
            raise MismatchError(unfit_target(f"{cls.__module__}.{cls.__qualname__}", cls.target_forms, spec))
        return spec

    def twin(self) -> Self:
        """Another task of the same network, whose settings can differ; only for methods that give it."""
        other = copy.copy(self)
        # Modules are shared, the table that names them is not.
        other._modules = dict(self._modules)
        return other

    def with_measures(self, measures: Measures, metrics: TorchMetrics | None = None) -> Self:
        """Gives a task of the same network with other measures.

        Args:
            measures: Costly ones by name, prepared for the data.
            metrics: Those of torchmetrics; None: none.
        """
        other = self.twin()
        other.measures = measures
        other.metrics = metrics or TorchMetrics()
        return other

    # ---- forward

    def forward(self, image: Tensor, stats: Tensor | None = None) -> Tensor:
        """Outputs of raw images.

        Args:
            image: uint8 or uint16 (B, C, H, W).
            stats: float32 (B, 2, C) of the whole images, for crops of them; see :class:`Normalize`.

        Returns:
            float (B, K, ...), of dense outputs (B, K, H, W) of the image's size.
        """
        outputs = self.outputs(image, stats)
        return outputs.logits if isinstance(outputs, Supervised) else outputs

    def outputs(self, image: Tensor, stats: Tensor | None = None) -> Tensor | Supervised:
        """Runs the model like :meth:`forward`, but gives the auxiliary logits of training mode too."""
        scaled = self.scale(image, stats)
        own = next((weight.dtype for weight in self.model.parameters()), scaled.dtype)
        return same_size(self.model, scaled.to(own) if own in WEIGHT_TYPES else scaled)

    def evaluated(self, image: Tensor) -> Tensor:
        """Outputs of whole images as they are judged, the same in validation, test and prediction, float32.

        Mixed precision is for training: the network sees them in the numbers of its weights.
        """
        with torch.autocast(image.device.type, enabled=False):
            outputs: Tensor = self(image).float()
        return outputs

    # ---- training

    def computed(self) -> dict[str, Any]:
        """Values that the loss computed from the training images, plain and by key, for run.json."""
        return {}

    def target_of(self, batch: Batch) -> Tensor:
        """Gives what outputs are compared with: the ``target`` of the batch, unless a task makes another one of it."""
        return batch["target"]

    def loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """The scalar to be minimised under ``total``, and what else of the loss is worth logging, by name."""
        return {TOTAL: self.loss(outputs, target)}

    def training_step(self, batch: Batch, batch_idx: int) -> Tensor:
        """Computes what is minimised, under bfloat16 autocast where that is on: loss and weighted auxiliary losses.

        ``train/loss`` is the loss of the model's own outputs, comparable with ``val/loss``; what auxiliary outputs add
        is logged as ``train/loss/auxiliary``.

        On several ranks each computes the loss of the whole batch, of which its own samples have a gradient; times
        their number, since gradients are averaged over ranks.
        """
        batch = self.taken(batch)
        # Read here: at the end of the epoch the schedule has moved on.
        self._rate = self.trainer.optimizers[0].param_groups[0]["lr"]
        sizes = None if self._shares is None else self._shares(batch_idx)
        shared = contextlib.nullcontext() if sizes is None else SharedBatchNorm()
        with shared, self.autocast():
            outputs = self.outputs(batch["image"], batch.get("stats"))
        with torch.autocast(self.device.type, enabled=False):
            return self._trained_loss(outputs, self.target_of(batch), sizes)

    def autocast(self) -> contextlib.AbstractContextManager[Any]:
        """Context of training in bfloat16; what ``trainer.precision`` asks for Lightning has put around it."""
        if not self.speed.bfloat16:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, dtype=torch.bfloat16)

    def _trained_loss(self, outputs: Tensor | Supervised, target: Tensor, sizes: Sequence[int] | None) -> Tensor:
        """What is minimised, in float32 whatever the network computes in."""
        if sizes is not None:
            outputs, target = all_gather_outputs(outputs, sizes), all_gather_batch(target, sizes)
        if isinstance(outputs, Supervised):
            loss = self._log_loss(outputs.logits, target) + self._log_auxiliary(outputs, target)
        else:
            loss = self._log_loss(outputs, target)
        return loss if sizes is None else loss * len(sizes)

    def _log_loss(self, outputs: Tensor, target: Tensor) -> Tensor:
        terms = self.loss_terms(outputs, target)
        self.trace = StepTrace(outputs.detach(), {name: value.detach() for name, value in terms.items()})
        if self._leaves_out(terms[TOTAL]):
            return terms[TOTAL]
        named = named_terms("train", terms)
        self.log_dict(named, on_step=False, on_epoch=True, batch_size=len(target))
        every: int = self.trainer.log_every_n_steps  # type: ignore[attr-defined] # Trainer sets it
        if (self.global_step + 1) % every == 0:
            of_step = {f"{name}_step": value for name, value in named.items()}
            self.log_dict(of_step, on_step=True, on_epoch=False)
        return terms[TOTAL]

    def _log_auxiliary(self, outputs: Supervised, target: Tensor) -> Tensor:
        """Weighted sum of the losses of the auxiliary logits."""
        pairs = zip(outputs.weights, outputs.auxiliary, strict=True)
        total = torch.stack([weight * self.loss_terms(logits, target)[TOTAL] for weight, logits in pairs]).sum()
        if not self._leaves_out(total):
            self.log("train/loss/auxiliary", total.detach(), on_step=False, on_epoch=True, batch_size=len(target))
        return total

    def _leaves_out(self, loss: Tensor) -> bool:
        """Whether the step of this loss is left out, see ``trainer.on_nan``."""
        return self._skips_nan and not bool(loss.isfinite())

    def on_train_epoch_start(self) -> None:
        """Starts the clock of the epoch."""
        self._epoch_start = time.perf_counter()

    @property
    def epoch_seconds(self) -> float:
        """Seconds that the epoch has taken so far; set where a training goes on within one."""
        return time.perf_counter() - self._epoch_start

    @epoch_seconds.setter
    def epoch_seconds(self, seconds: float) -> None:
        self._epoch_start = time.perf_counter() - seconds

    def on_train_epoch_end(self) -> None:
        """Logs the learning rate of the last batch and the seconds of the epoch; moves a plateau schedule."""
        if self._schedule is not None:
            self._schedule.watch(self.lr_schedulers(), self.current_epoch, self.trainer.callback_metrics)
        self.log_dict({"lr": self._rate, "seconds": self.epoch_seconds})

    def make_optimizer(self) -> Optimizer:
        """The optimiser of all weights that are trained."""
        if not self._param_groups.plain:
            others = [p for name, p in self.named_parameters() if not name.startswith("model.") and p.requires_grad]
            return self._param_groups.optimizer(self._optimizer, self.model, others)
        made: Optimizer = self._optimizer([p for p in self.parameters() if p.requires_grad])
        return made

    def configure_optimizers(self) -> Any:
        """Optimiser and schedule as Lightning wants them."""
        optimizer = self.make_optimizer()
        if self._schedule is None:
            return optimizer
        steps = optimizer_steps(self.trainer)
        epochs = planned_epochs(self.trainer, steps)
        # Without an end in steps, a schedule that is as long as the run was refused.
        scheduler = self._schedule.build(optimizer, steps=1 if math.isinf(steps) else int(steps), epochs=epochs)
        return {"optimizer": optimizer, "lr_scheduler": self._schedule.for_lightning(scheduler)}

    @property
    def schedule(self) -> Schedule | None:
        """Learning-rate schedule; None: a constant rate."""
        return self._schedule

    # ---- validation and test

    @abstractmethod
    def start_counting(self, phase: Literal["val", "test"]) -> None:
        """Forgets what was counted."""

    @abstractmethod
    def count(self, phase: Literal["val", "test"], outputs: Tensor, batch: Batch) -> None:
        """Counts a batch of whole images, each of which comes once.

        Args:
            phase: Validation or test.
            outputs: float32, as :meth:`evaluated` gives them.
            batch: With ``target``, and the numbers of the images (B,) under ``index``.
        """

    @abstractmethod
    def figures(self) -> dict[str, float | None]:
        """Figures of all validation images that were counted, by the names in ``figure_specs``; None: undefined."""

    @abstractmethod
    def predictor_results(self) -> Sequence[PredictorResult]:
        """The figures of the model after a test, first as it is used, then what is worth standing beside that."""

    def predictions(self, outputs: Tensor) -> Sequence[Prediction]:
        """Predictions for each image (B), of outputs as :meth:`evaluated` gives them; a task that has it is predicted.

        Raises:
            NotImplementedError: The task does not say.
        """
        raise NotImplementedError(f"{type(self).__name__} has no predictions")

    def deployed(self, outputs: Tensor) -> Tensor:
        """Outputs of an exported file, of outputs (B, K, ...): these, unless a task makes something else of them.

        Tensor operations alone, so that it becomes part of the graph.
        """
        return outputs

    def trivial_results(self, datamodule: ImageDataModule) -> Sequence[PredictorResult]:
        """Results of trivial predictors on the test images; they choose on training and validation images only."""
        return []

    def evaluation_loss_terms(self, outputs: Tensor, target: Tensor) -> dict[str, Tensor]:
        """Terms of the loss of whole images, without a gradient; those of :meth:`loss_terms` unless a task differs."""
        return self.loss_terms(outputs, target)

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

    def metric_inputs(self, outputs: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Inputs of torchmetrics' measures: predictions (B, ...) and targets (B, ...).

        Of data with classes these are probabilities (B, K, ...) and class numbers, of which
        :func:`segexp.metrics.torch_inputs.class_inputs` makes what each measure takes; else they are handed on.

        Args:
            outputs: float32, as :meth:`evaluated` gives them.
            batch: With its target.
        """
        return outputs, self.target_of(batch)

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

    def unlogged(self) -> Self:
        """Gives a task of the same network whose test is not logged: what reads its results writes them."""
        other = self.twin()
        other.logs_test = False
        return other

    def predict_step(self, batch: Batch, batch_idx: int, dataloader_idx: int = 0) -> Any:
        """Predictions for each image (B), see :meth:`predictions`; its outputs where it does not say."""
        outputs = self.evaluated(self.taken(batch)["image"])
        return outputs if type(self).predictions is BaseTask.predictions else self.predictions(outputs)

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

    # ---- checkpoint

    def state(self) -> dict[str, Any]:
        """State beside the weights that a trained model needs, in plain values; see :meth:`take_state`."""
        return {}

    def take_state(self, stored: Mapping[str, Any]) -> None:
        """Takes what :meth:`state` gave when the checkpoint was written."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Adds config, data spec and state: all that is needed to build the model again; plain types only."""
        checkpoint["segexp"] = {**self._record, "spec": self.spec.to_dict(), **self.state(), **STAMP}

    def on_load_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """Takes the state that was reached with these weights."""
        self.take_state(checkpoint["segexp"])
