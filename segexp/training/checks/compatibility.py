"""What does not fit between data, model, loss, measures and settings, all of it at once and without reading a pixel."""

import contextlib
from collections.abc import Iterable, Sequence
from dataclasses import replace

import torch
from lightning.pytorch.callbacks import Callback
from torch import nn

from segexp.config.experiment import Experiment
from segexp.data.base import ImageDataModule
from segexp.data.checks.problems import Problem
from segexp.data.items.item import Item
from segexp.data.sampling.batches import check_batches
from segexp.data.sampling.on_device.checks import check_device_memory
from segexp.data.settings import Items
from segexp.losses.base import SegmentationLoss
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.speed import resolve_speed
from segexp.training.building.loss import build_any_loss, build_loss
from segexp.training.building.measures import build_measures
from segexp.training.building.model import build_model
from segexp.training.building.optimizer import build_optimizer
from segexp.training.building.schedule import check_length
from segexp.training.building.task import build_task, read_task
from segexp.training.building.torch_metrics import build_metrics
from segexp.training.callbacks.checks import check_finders
from segexp.training.checks.attempts import Attempts
from segexp.training.checks.config_trials import try_loss, try_model
from segexp.training.distributed.plan import count_ranks
from segexp.training.estimate.duration import TimeEstimate
from segexp.training.estimate.probe import probe_time
from segexp.training.estimate.run import RunEstimate, estimate_run
from segexp.training.hardware import device_type
from segexp.training.prepare import check_views, check_watched_measures, param_groups, schedule_of_run
from segexp.training.resuming.checkpoint import check_resume
from segexp.training.resuming.own_folder import run_parent
from segexp.training.resuming.source import checkpoint_of
from segexp.training.run_length import Batches, RunLength, measure_run
from segexp.training.transfer.frozen import check_finetuning
from segexp.training.transfer.initial_weights import start_from
from segexp.types import LoaderOptions
from segexp.windows.settings import Inference


class CompatibilityCheck:
    """Builds all that a training builds from its config, and gathers what each part says against the others."""

    def __init__(self, experiment: Experiment, spec: DataSpec) -> None:
        self.task = read_task(experiment.task)
        self.spec = self.task.adapted(spec)
        self._tries = Attempts(traces=experiment.debug)
        self._try = self._tries.attempt
        self.experiment = experiment
        self._callbacks: dict[str, Callback] = {}
        self._module: BaseTask | None = None
        self._length: RunLength | None = None
        ranks = self._try(lambda: count_ranks(experiment.trainer))
        self.experiment = replace(experiment, ranks=ranks or 1)

    def try_batches(self, samples: int, loader: LoaderOptions, images: tuple[int, int] = (1, 1)) -> None:
        """Tries whether the batches of an epoch can be divided between the ranks, and fit limits and schedule.

        Args:
            samples: In an epoch.
            loader: Options of the loaders.
            images: Of validation and test.
        """
        self._try(lambda: check_batches(samples, loader, self.experiment.ranks))
        batches = max(1, samples // loader.batch_size if loader.drop_last else -(-samples // loader.batch_size))
        val, test = (-(-count // loader.eval_batch_size) for count in images)
        there = Batches(batches, -(-val // self.experiment.ranks), test)
        length = self._length = self._try(lambda: measure_run(self.experiment, there))
        if length is not None:
            self._try(lambda: check_length(self.experiment, schedule_of_run(self.experiment), length.seen.train))

    def try_device(self, train: Sequence[Item]) -> None:
        """Tries whether training images that are to lie on the device fit into its memory."""
        self._try(lambda: check_device_memory(train, device_type(self.experiment.trainer.accelerator)))

    def try_all(self, sample: tuple[int, int] | None, others: Iterable[tuple[int, int]]) -> list[Problem]:
        """Tries everything.

        Args:
            sample: Height and width of a training sample; None: unknown.
            others: Sizes of validation and test images.
        """
        experiment, spec = self.experiment, self.spec
        self._callbacks = self._tries.attempt_surroundings(experiment)
        self._try(lambda: check_watched_measures(experiment, spec.classes))
        self._try(lambda: check_views(experiment, self.task.kind))
        self._try(lambda: schedule_of_run(experiment))
        if self.task.kind.takes_measures:
            self._try(lambda: build_measures(experiment.metric, spec))
        self._try(lambda: build_metrics(experiment.metric, spec))
        loss = self._try(self._loss)
        if isinstance(loss, SegmentationLoss) and not loss.needs_counts:
            # One whose weights are counted from the training images has none yet.
            self._try(lambda: try_loss(loss, spec))
        model = self._try(lambda: build_model(experiment.model, spec, published=not experiment.resumes))
        if model is not None:
            self._with_model(model, loss, sample, others)
        return self._tries.problems

    def _with_model(
        self,
        model: nn.Module,
        loss: nn.Module | None,
        sample: tuple[int, int] | None,
        others: Iterable[tuple[int, int]],
    ) -> None:
        experiment = self.experiment
        self._try(lambda: start_from(model, experiment))
        self._try(lambda: param_groups(experiment, model))
        optimizer = self._try(lambda: build_optimizer(experiment.optimizer, model))
        accelerator = experiment.trainer.accelerator
        speed = self._try(
            lambda: resolve_speed(
                experiment.speed, device_type(accelerator), allocator=False, precision=experiment.trainer.precision
            )
        )
        # Sizes do not depend on the loss: one that does not fit hides nothing else.
        stored = loss if loss is not None else nn.Identity()
        parts = {"model": model, "loss": stored, "spec": self.spec, "optimizer": optimizer or torch.optim.SGD}
        inference = Inference(**vars(experiment.inference))
        module = build_task(self.task, **parts, speed=speed, inference=inference).eval()
        self._module = module if loss is not None and optimizer is not None else None
        epochs = experiment.fitting.max_epochs
        self._try(lambda: check_finders(self._callbacks, module))
        self._try(lambda: check_finetuning(self._callbacks, module, schedule_of_run(self.experiment), epochs))
        windows = {(size, module.inference.window_for(*size)) for size in others}
        shapes = {size if side is None else (min(size[0], side), min(size[1], side)) for size, side in windows}
        for size in sorted({*shapes, *([sample] if sample is not None else [])}):
            image = torch.zeros(1, self.spec.in_channels, *size, dtype=torch.uint8)
            if not self._fits(module, image):
                # A model that refuses one size refuses others for the same reason.
                break
        if loss is not None and optimizer is not None:
            checkpoint = checkpoint_of(experiment.resume)
            self._try(lambda: check_resume(replace(experiment, resume=checkpoint), module))

    def try_size(self, datamodule: ImageDataModule, items: Items) -> RunEstimate | None:
        """Estimates memory and disk, after all else, and tries whether a sample can fit; None: parts are missing."""
        module = self._module
        if module is None or not items["train"]:
            return None
        device = device_type(self.experiment.trainer.accelerator)
        self.experiment = replace(self.experiment, device=device)
        place = run_parent(self.experiment)
        takes = estimate_run(self.experiment, module, datamodule, items, place, list(self._callbacks.values()))
        self._try(takes.refuse)
        self._tries.problems += [Problem("memory and disk", text, fatal=False) for text in takes.warnings()]
        return takes

    def measure_time(self, datamodule: ImageDataModule, items: Items, seconds: float) -> TimeEstimate | None:
        """Measures a few steps, after :meth:`try_size`; None: parts are missing, or they cannot be done here."""
        if self._module is None or self._length is None or not items["val"]:
            return None
        with contextlib.suppress(Exception):  # a problem of the data that the check has told, or passed over
            return probe_time(self.experiment, self._module, datamodule, items, self._length, seconds)
        return None

    @property
    def problems(self) -> list[Problem]:
        """All that does not fit, each once."""
        return self._tries.problems

    def _loss(self) -> nn.Module:
        if issubclass(kind := self.task.kind.loss_class, SegmentationLoss):
            return build_loss(self.experiment.loss, self.spec, kind=kind)
        return build_any_loss(self.experiment.loss, self.task.kind)

    def _fits(self, module: BaseTask, image: torch.Tensor) -> bool:
        before = len(self._tries.problems)
        self._try(lambda: try_model(module, image))
        return len(self._tries.problems) == before
