"""What does not fit between data, model, loss, measures and settings, all of it at once and without reading a pixel."""

import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar, cast

import torch
from torch import nn

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.sampling.batches import check_batches
from segexp.errors import UserError
from segexp.losses.base import SegmentationLoss
from segexp.runs.writable import check_place
from segexp.spec import DataSpec
from segexp.tasks.schedule import Schedule
from segexp.tasks.segmentation import SegmentationModule
from segexp.tasks.speed import resolve_speed
from segexp.training import build
from segexp.training.config_trials import try_loss, try_model
from segexp.training.distributed.plan import count
from segexp.training.distributed.strategies import check_ranks
from segexp.training.loggers.build import check_loggers
from segexp.training.prepare import check_monitors, device_type
from segexp.training.resume import check_resume
from segexp.training.resume_source import checkpoint_of
from segexp.training.trainer import check_trainer, try_trainer
from segexp.types import LoaderOptions
from segexp.windows.settings import Inference

Config = dict[str, Any]
T = TypeVar("T")


class Misfits:
    """Builds all that a training builds from its config, and gathers what each part says against the others."""

    def __init__(self, config: Config, spec: DataSpec) -> None:
        self.config = config
        self.spec = spec
        self.problems: list[Problem] = []

    def try_batches(self, samples: int, loader: LoaderOptions) -> None:
        """Tries whether the batches of an epoch can be divided between the ranks, and fit the schedule.

        Args:
            samples: In an epoch.
            loader: Options of the loaders.
        """
        config = self.config
        self._try(lambda: check_batches(samples, loader, count(config["trainer"])))
        batches = max(1, samples // loader.batch_size if loader.drop_last else -(-samples // loader.batch_size))
        self._try(lambda: build.check_length(config, self._schedule(), batches))

    def try_all(self, sample: tuple[int, int] | None, others: Iterable[tuple[int, int]]) -> list[Problem]:
        """Tries everything.

        Args:
            sample: Height and width of a training sample; None: unknown.
            others: Sizes of validation and test images.
        """
        config, spec = self.config, self.spec
        self._try(lambda: check_loggers(config["logger"]))
        self._try(lambda: check_trainer(config["trainer"]))
        self._try(lambda: check_ranks(config))
        self._try(lambda: check_place(Path(config["output_dir"]) / (config["name"] or ""), "output_dir"))
        self._try(lambda: try_trainer(config, build.build_extra_callbacks(config)))
        self._try(lambda: check_monitors(config, spec.classes))
        self._try(self._schedule)
        self._try(lambda: build.build_measures(config, spec))
        loss = self._try(lambda: build.build_loss(config, spec))
        if loss is not None and not loss.needs_counts:
            # One whose weights are counted from the training images has none yet.
            self._try(lambda: try_loss(loss, spec))
        model = self._try(lambda: build.build_model(config, spec))
        if model is not None:
            self._with_model(model, loss, sample, others)
        return self.problems

    def _with_model(
        self,
        model: nn.Module,
        loss: SegmentationLoss | None,
        sample: tuple[int, int] | None,
        others: Iterable[tuple[int, int]],
    ) -> None:
        config = self.config
        optimizer = self._try(lambda: build.build_optimizer(config, model))
        speed = self._try(lambda: resolve_speed(config["speed"], device_type(config), allocator=False))
        # Sizes do not depend on the loss: one that does not fit hides nothing else.
        stored = loss if loss is not None else cast(SegmentationLoss, nn.Identity())
        module = SegmentationModule(model, stored, self.spec, optimizer or torch.optim.SGD, None, speed)
        module.inference = Inference(**config["inference"])
        module.eval()
        windows = {(size, module.inference.window_for(*size)) for size in others}
        shapes = {size if side is None else (min(size[0], side), min(size[1], side)) for size, side in windows}
        for size in sorted({*shapes, *([sample] if sample is not None else [])}):
            image = torch.zeros(1, self.spec.in_channels, *size, dtype=torch.uint8)
            if not self._fits(module, image):
                # A model that refuses one size refuses others for the same reason.
                break
        if loss is not None and optimizer is not None:
            self._try(lambda: check_resume({**config, "resume": checkpoint_of(config["resume"])}, module))

    def _schedule(self) -> Schedule | None:
        return build.build_schedule(self.config, self.config["trainer"]["check_val_every_n_epoch"])

    def _fits(self, module: SegmentationModule, image: torch.Tensor) -> bool:
        before = len(self.problems)
        self._try(lambda: try_model(module, image))
        return len(self.problems) == before

    def _try(self, do: Callable[[], T]) -> T | None:
        try:
            return do()
        except UserError as error:
            if self.config.get("debug"):
                traceback.print_exc()
            problem = problem_of(error, kind="model, loss and measures")
            # What several checks need first is amiss once.
            if problem.text not in {known.text for known in self.problems}:
                self.problems.append(problem)
            return None
