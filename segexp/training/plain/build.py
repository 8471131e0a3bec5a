"""Builds a LightningModule and a LightningDataModule of the user's own, and the parts that the module takes."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

import lightning.pytorch as pl
from hydra.utils import instantiate
from torch import nn

from segexp.config.experiment import Experiment
from segexp.config.schema import OFFERED
from segexp.config.signatures.plain_lightning import comes_from, has_own_data
from segexp.config.signatures.signature import signature
from segexp.config.signatures.task_figures import BASE
from segexp.data.base import ImageDataModule
from segexp.errors import MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.loaders import flat_loaders
from segexp.tasks.speed import resolve_speed
from segexp.training.building.constructor_errors import naming_section
from segexp.training.building.datamodule import build_datamodule
from segexp.training.building.loss import build_any_loss, build_loss
from segexp.training.building.model import build_model
from segexp.training.building.optimizer import build_optimizer
from segexp.training.building.schedule import build_schedule
from segexp.training.building.task import build_task, read_task
from segexp.training.checks.config_trials import expect, trying
from segexp.training.distributed.process_group import once_per_machine
from segexp.windows.settings import Inference


def build_data(experiment: Experiment) -> pl.LightningDataModule:
    """Builds the datamodule; one of segexp's kind reads its images, of any other nothing is called yet."""
    if not has_own_data(experiment.datamodule):
        images = build_datamodule(experiment.datamodule, experiment.augment)
        images.setup()
        return images
    with naming_section("datamodule", experiment.datamodule):
        built: pl.LightningDataModule = instantiate(experiment.datamodule, _convert_="all")
        expect(built, pl.LightningDataModule, "datamodule", "a lightning.LightningDataModule")
    return built


def data_spec(datamodule: pl.LightningDataModule) -> DataSpec | None:
    """The target and the channels of the data, where a datamodule says them by an attribute ``spec``."""
    if not isinstance(datamodule, ImageDataModule):
        with trying("datamodule", "its setup"):
            if not hasattr(datamodule, "spec"):
                return None
            once_per_machine(datamodule.prepare_data)
            datamodule.setup("fit")
    found = getattr(datamodule, "spec", None)
    return found if isinstance(found, DataSpec) else None


def build_module(experiment: Experiment, datamodule: pl.LightningDataModule) -> pl.LightningModule:
    """Builds the module: of its own keys, and of those parts that it takes and the config makes.

    Raises:
        UserError: A key or a part is at fault.
    """
    if comes_from(experiment.task_class, BASE):
        spec = data_spec(datamodule)
        _check_loaders(datamodule)
        return _task(experiment, spec)
    names = offered(experiment)
    spec = data_spec(datamodule) if names else None
    parts = {name: part for name in names if (part := _part(experiment, name, spec)) is not None}
    with naming_section("task", {**experiment.task, **parts}):
        built: pl.LightningModule = instantiate(experiment.task, _convert_="all", _recursive_=True, **parts)
        expect(built, pl.LightningModule, "task", "a lightning.LightningModule")
    return built


def offered(experiment: Experiment) -> list[str]:
    """Arguments that the module takes and its own keys do not give."""
    taken = signature(experiment.task_class)
    return [name for name in OFFERED if name not in experiment.task and taken and name in taken.parameters]


def _part(experiment: Experiment, name: str, spec: DataSpec | None) -> Any:
    """What a section makes: an object, of optimizer and scheduler a function of what is still missing."""
    section: Mapping[str, Any] = {} if name == "spec" else getattr(experiment, name)
    if name == "spec":
        return spec
    if not section:
        return None
    if name == "model":
        return build_model(dict(section), _known(spec, "model"))
    if name == "scheduler":
        section = {key: value for key, value in section.items() if key not in ("interval", "monitor")}
        if section.get("_target_") is None:
            return None
    made = name in ("optimizer", "scheduler")
    with naming_section(name, section):
        return instantiate(section, _convert_="all", **({"_partial_": True} if made else {}))


def _check_loaders(datamodule: pl.LightningDataModule) -> None:
    """Refuses loaders of validation that are read side by side: tasks of segexp take one after the other.

    One that cannot be asked yet, since it looks at its Trainer, is asked when it has one.
    """
    loaders = None
    with suppress(Exception):
        loaders = datamodule.val_dataloader()
    flat_loaders(loaders)


def _task(experiment: Experiment, spec: DataSpec | None) -> pl.LightningModule:
    """A task of segexp's kind on a datamodule of the user's own."""
    block = read_task(experiment.task)
    spec = block.adapted(_known(spec, "task"))
    model = build_model(experiment.model, spec, published=not experiment.resumes)
    every = experiment.trainer.check_val_every_n_epoch or 1
    return build_task(
        block,
        model=model,
        loss=_loss(experiment, block.kind, spec),
        spec=spec,
        optimizer=build_optimizer(experiment.optimizer, model),
        schedule=build_schedule(experiment.scheduler, experiment.optimizer, every, experiment.task_class),
        speed=resolve_speed(experiment.speed, experiment.device, allocator=False),
        record={"config": experiment.recorded(), "split": {}},
        inference=Inference(**vars(experiment.inference)),
    )


def _loss(experiment: Experiment, kind: type[BaseTask], spec: DataSpec) -> nn.Module:
    """The loss; weights that are counted on images of segexp's data sets are not to be had."""
    wanted = kind.loss_class
    if not issubclass(wanted, SegmentationLoss):
        return build_any_loss(experiment.loss, kind)
    loss = build_loss(experiment.loss, spec, kind=wanted)
    if loss.needs_counts:
        raise MismatchError("loss: its weights are auto, which are counted on a data set of segexp's; give numbers")
    return loss


def _known(spec: DataSpec | None, section: str) -> DataSpec:
    if spec is None:
        raise MismatchError(
            f"{section}: needs the channels and the target of the data, which a LightningDataModule of your own says "
            "by an attribute `spec`, a segexp.spec.DataSpec"
        )
    return spec
