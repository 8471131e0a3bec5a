"""Builds objects from a checked config; what a constructor refuses becomes a message with its section's name."""

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from hydra.utils import get_class, instantiate
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from segexp.config.batch_size import TRIAL, with_batch_size
from segexp.config.checks.task_fit import task_name
from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig
from segexp.config.settled_forms import OWN_CALLBACKS
from segexp.config.signatures.tensor_keys import with_tensors
from segexp.config.signatures.torch_metrics import is_torch_metric
from segexp.data.base import ImageDataModule
from segexp.data.synthetic.drawn_set import drawn_keys
from segexp.errors import ConfigError, MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.losses.plain_loss import as_segmentation_loss
from segexp.metrics.base import ImageMeasure
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.schedule_part import AUTO
from segexp.training.build_metrics import build_metrics
from segexp.training.build_model import PUBLISHED, build_model
from segexp.training.build_optimizer import build_optimizer
from segexp.training.build_schedule import build_schedule, check_length
from segexp.training.checks.config_trials import expect, try_measure, trying
from segexp.training.constructor_errors import naming_section
from segexp.training.resume_source import checkpoint_of
from segexp.training.run_split import split_of

__all__ = [
    "NO_AUGMENT",
    "PUBLISHED",
    "TaskBlock",
    "build_any_loss",
    "build_callbacks",
    "build_datamodule",
    "build_loss",
    "build_measures",
    "build_metrics",
    "build_model",
    "build_optimizer",
    "build_schedule",
    "build_task",
    "check_length",
    "read_task",
]

NO_AUGMENT: ObjectConfig = {"_target_": "segexp.data.sampling.augment.Augment"}
"""The block ``augment`` of images that nothing trains on."""


def build_datamodule(
    section: ObjectConfig, augment: ObjectConfig = NO_AUGMENT, resume: str | None = None
) -> ImageDataModule:
    """Builds a datamodule with its augmentation; reads no image yet.

    Args:
        section: The block ``datamodule``; a batch size of ``auto`` is a small one until it is found.
        augment: The block of that name.
        resume: Checkpoint, or folder of a run, whose split is taken; None: the data set's own rules deal the images.
    """
    with naming_section("augment"), warnings.catch_warnings():
        # albumentations only warns of an argument that it does not know, and goes on without it.
        warnings.filterwarnings("error", message=".*not valid for transform.*")
        transforms = instantiate(augment, _convert_="all")
    with naming_section("datamodule"):
        section = _with_drawn_files(with_batch_size(section, TRIAL))
        built: ImageDataModule = instantiate(section, augment=transforms, _convert_="all")
        expect(built, ImageDataModule, "datamodule", "a segexp.data.base.ImageDataModule")
    if (checkpoint := checkpoint_of(resume)) is not None and (split := split_of(Path(checkpoint))) is not None:
        built.keep_split(split)
    return built


def _with_drawn_files(section: ObjectConfig) -> ObjectConfig:
    """The block ``datamodule`` with the keys of drawn files, where it asks for such."""
    return section | drawn_keys(get_class(section["_target_"])) if section.get("generate") is True else section


@dataclass(frozen=True)
class TaskBlock:
    """The block ``task``: its class, and its own keys without the parts that training gives."""

    kind: type[BaseTask]
    keys: Mapping[str, Any]

    def adapted(self, spec: DataSpec) -> DataSpec:
        """Gives the data's spec as a model is built for it."""
        return self.kind.adapted(spec, **self.keys)


def read_task(section: ObjectConfig) -> TaskBlock:
    """Reads the block ``task``.

    Raises:
        ConfigError: It names no task.
    """
    with naming_section("task", section):
        made: Any = instantiate(section, _partial_=True, _convert_="all")
    if not (isinstance(made, partial) and isinstance(made.func, type) and issubclass(made.func, BaseTask)):
        raise ConfigError(f"task._target_: found {section.get('_target_')}, expected a segexp.tasks.base.BaseTask")
    return TaskBlock(made.func, made.keywords)


def build_task(block: TaskBlock, **parts: Any) -> BaseTask:
    """Builds the task of its parts: model, loss, spec, optimizer, and more that its class takes."""
    with naming_section("task"):
        return block.kind(**parts, **block.keys)


def build_any_loss(section: ObjectConfig, task: type[BaseTask]) -> nn.Module:
    """Builds the loss of a task that is no segmentation."""
    with naming_section("loss", section):
        loss: nn.Module = instantiate(with_tensors(section), _convert_="all")
        expect(loss, task.loss_class, "loss", f"a {task.loss_class.__module__}.{task.loss_class.__qualname__}")
        if task.unfit_loss is not None and isinstance(loss, task.unfit_loss):
            named, target = task_name(f"{task.__module__}.{task.__qualname__}"), str(section.get("_target_"))
            raise MismatchError(f"loss: {target.rpartition('.')[2]} compares classes, {named} does not: use loss=mse")
    return loss


def build_loss(
    section: ObjectConfig,
    spec: DataSpec,
    counts: Callable[[], Tensor] | None = None,
    kind: type[SegmentationLoss] = SegmentationLoss,
) -> SegmentationLoss:
    """Builds the loss of class numbers, of pixels or of whole images, and checks it against the classes of the data.

    Args:
        section: The block ``loss``.
        spec: Classes of the data.
        counts: Gives the pixels of the training images per image and class, int64 (N, C); called only where a weight
            is ``auto``.
        kind: What the task takes.
    """
    with naming_section("loss", section):
        built = instantiate(with_tensors(section), _convert_="all")
        loss = as_segmentation_loss(built, "loss._target_", str(section.get("_target_", "")))
        if not isinstance(loss, kind):
            found, expected = type(loss).__qualname__, f"a {kind.__module__}.{kind.__qualname__}"
            raise ConfigError(f"loss._target_: gives a {found}, expected {expected}: use loss=ce")
    with trying("loss", "its check(spec)"):
        loss.check(spec)
    if loss.one_logit and spec.out_channels != 1:
        raise MismatchError(
            f"loss: {type(loss).__name__} takes one logit, but models give {spec.out_channels}; for two classes set "
            "task.two_logits=false"
        )
    if counts is not None and loss.needs_counts:
        loss.set_counts(counts(), spec)
    return loss


def build_measures(sections: Mapping[str, ObjectConfig], spec: DataSpec) -> dict[str, ImageMeasure]:
    """Builds the costly measures of the test by name, for the classes of the data; not those of torchmetrics."""
    built: dict[str, ImageMeasure] = {}
    for name, section in sections.items():
        if is_torch_metric(section):
            continue
        if not isinstance(section, Mapping):
            raise ConfigError(
                f"metric.{name}: found {section!r}, expected a block that is named as its file: "
                "my_measure: {_target_: my_package.MyMeasure}"
            )
        with naming_section(f"metric.{name}", section):
            built[name] = instantiate(section, _convert_="all")
            expect(
                built[name], ImageMeasure, f"metric.{name}",
                "a segexp.metrics.base.ImageMeasure or a torchmetrics.Metric; docs/extending.md says how to write one",
            )  # fmt: skip
        with trying(f"metric.{name}", "its prepare(spec)"):
            built[name].prepare(spec)
        if not type(built[name]).__module__.startswith("segexp."):
            try_measure(name, built[name], spec)
    _check_figures(built)
    return built


def _check_figures(measures: dict[str, ImageMeasure]) -> None:
    """Two measures with a figure of one name would hide each other in the tables."""
    owner: dict[str, str] = {}
    for name, measure in measures.items():
        for figure in measure.described_figures():
            if figure in owner:
                raise ConfigError(f"metric.{name}: gives {figure}, as metric.{owner[figure]} does; leave one out")
            owner[figure] = name


def build_callbacks(experiment: Experiment) -> dict[str, Callback]:
    """Builds the callbacks of the config by name; best and last checkpoint are not among them."""
    return {name: _callback(name, section, experiment) for name, section in experiment.callbacks.items()}


def _callback(name: str, section: ObjectConfig, experiment: Experiment) -> Callback:
    """A callback; one whose ``mode`` is ``auto`` gets the direction of its measure.

    Early stopping of ours goes by the measure of the training unless it names another.
    """
    if section.get("_target_") == OWN_CALLBACKS["early_stopping"]["_target_"]:
        section = {
            **section,
            "monitor": section.get("monitor") or experiment.monitor,
            "mode": section.get("mode") or AUTO,
        }
    if section.get("mode") == AUTO and (monitor := section.get("monitor")) is not None:
        section = {**section, "mode": experiment.direction_of(monitor)}
    with naming_section(f"callbacks.{name}", section):
        made: Callback = instantiate(section, _convert_="all")
        expect(made, Callback, f"callbacks.{name}", "a lightning.pytorch.callbacks.Callback")
    return made
