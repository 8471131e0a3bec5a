"""Reads the data and builds the module; all that can be wrong with either is found here, before anything is written."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from torch import nn

from segexp.config.batch_size import TRIAL, batch_size_is_auto, with_batch_size
from segexp.config.checks.monitors import watched
from segexp.config.experiment import Experiment
from segexp.config.signatures.task_figures import check_watched
from segexp.config.signatures.torch_metrics import metric_name, torch_metrics
from segexp.data.base import ImageDataModule
from segexp.data.items.item import Image, Item
from segexp.data.sampling.batches import check_batches
from segexp.data.splits.rules import PHASES, Phase
from segexp.errors import ConfigError
from segexp.losses.base import SegmentationLoss
from segexp.spec import DataSpec
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask
from segexp.tasks.param_groups import ParamGroups
from segexp.tasks.schedule import Schedule
from segexp.tasks.speed import Speed, resolve_speed
from segexp.training.building.datamodule import build_datamodule
from segexp.training.building.loss import build_any_loss, build_loss
from segexp.training.building.measures import build_measures
from segexp.training.building.model import build_model
from segexp.training.building.optimizer import build_optimizer
from segexp.training.building.schedule import build_schedule, check_length, describe_momentum
from segexp.training.building.task import TaskBlock, build_task, read_task
from segexp.training.building.torch_metrics import build_metrics
from segexp.training.checks.config_trials import try_loss, try_model
from segexp.training.estimate.batch_size import find_batch_size
from segexp.training.run_length import RunLength, measured
from segexp.training.transfer.initial_weights import Start, start_from
from segexp.windows.settings import Inference


@dataclass(frozen=True)
class Prepared:
    """All that a training works with.

    Attributes:
        experiment: With what the data decided, so that a repetition decides the same, whatever files come later.
        datamodule: Set up.
        module: With weights that depend on the seed alone, or that ``init_from`` names.
        length: How long the training is, and what it sees of the data.
        started_from: What was loaded; None: nothing was.
    """

    experiment: Experiment
    datamodule: ImageDataModule
    module: BaseTask
    length: RunLength
    started_from: Start | None = None


def prepare(experiment: Experiment, *, allocator: bool) -> Prepared:
    """Reads the data and builds the module.

    Args:
        experiment: With its hardware.
        allocator: Whether the allocator setting is in force.

    Raises:
        UserError: Data, model, loss or settings are at fault, or do not go together.
    """
    datamodule = build_datamodule(experiment.datamodule, experiment.augment, experiment.resume)
    datamodule.setup()
    datamodule.check_device(experiment.device)
    experiment = settled(experiment, datamodule)
    if batch_size_is_auto(experiment.datamodule):
        experiment = _with_found_batch(experiment, datamodule, allocator=allocator)
    return _built(experiment, datamodule, allocator=allocator)


def _with_found_batch(experiment: Experiment, datamodule: ImageDataModule, *, allocator: bool) -> Experiment:
    """Finds the batch size with parts of its own: nothing that is trained afterwards has seen a trial."""
    trial = replace(experiment, datamodule=with_batch_size(experiment.datamodule, TRIAL))
    found = find_batch_size(trial, datamodule, _built(trial, datamodule, allocator=allocator).module)
    datamodule.set_batch_size(found.size)
    datamodule.add_notes([found.described()])
    return replace(experiment, datamodule=with_batch_size(experiment.datamodule, found.size))


def _built(experiment: Experiment, datamodule: ImageDataModule, *, allocator: bool) -> Prepared:
    """The parts of a training whose data are set up."""
    block = read_task(experiment.task)
    check_views(experiment, block.kind)
    pl.seed_everything(experiment.seed, verbose=False)
    model = build_model(experiment.model, block.adapted(datamodule.spec), published=not experiment.resumes)
    started_from = start_from(model, experiment)
    task, length = _task(experiment, block, datamodule, model, started_from, allocator=allocator)
    check_batches(datamodule.samples_per_epoch, datamodule.loader, experiment.ranks)
    check_length(experiment, task.schedule, length.seen.train)
    _try_sizes(task, datamodule)
    datamodule.add_notes(describe_momentum(experiment, task.schedule))
    if started_from is not None:
        datamodule.add_notes([started_from.described()])
    return Prepared(experiment, datamodule, task, length, started_from)


def _task(
    experiment: Experiment,
    block: TaskBlock,
    datamodule: ImageDataModule,
    model: nn.Module,
    started_from: Start | None,
    *,
    allocator: bool,
) -> tuple[BaseTask, RunLength]:
    """The task of its parts, and how long its training is."""
    spec = block.adapted(datamodule.spec)
    loss = _loss(experiment, block.kind, spec, datamodule)
    measures = _measures(experiment, block.kind, spec)
    length = measured(experiment, datamodule)
    task = build_task(
        _divided(experiment, block),
        model=model,
        loss=loss,
        spec=spec,
        schedule=schedule_of_run(experiment),
        optimizer=build_optimizer(experiment.optimizer, model),
        speed=speed_of(experiment, allocator=allocator),
        record={"config": experiment.recorded(), "split": _split(datamodule), **_lineage(started_from)},
        inference=Inference(**vars(experiment.inference)),
        param_groups=param_groups(experiment, model),
        skips_nan=experiment.trainer.on_nan == "skip",
        shares=datamodule.train_batches().shares if experiment.ranks > 1 else None,
        **measures,
    )
    return task, length


def _measures(experiment: Experiment, task: type[BaseTask], spec: DataSpec) -> dict[str, Any]:
    """The measures of torchmetrics and the costly ones, and whether what the config watches is among their names."""
    metrics = build_metrics(experiment.metric, spec)
    check_watched_measures(experiment, spec.classes)
    costly = build_measures(experiment.metric, spec) if task.takes_measures else {}
    return {"metrics": metrics, "measures": costly}


def schedule_of_run(experiment: Experiment) -> Schedule | None:
    """Builds the learning-rate schedule of an experiment, tried on its optimiser."""
    every = experiment.fitting.check_val_every_n_epoch or 1
    return build_schedule(experiment.scheduler, experiment.optimizer, every, experiment.task_class, experiment.metric)


def speed_of(experiment: Experiment, *, allocator: bool) -> Speed:
    """Gives the faster settings that are in force; ``allocator``: whether the allocator setting is."""
    precision = experiment.trainer.precision
    return resolve_speed(experiment.speed, experiment.device, allocator=allocator, precision=precision)


def param_groups(experiment: Experiment, model: nn.Module) -> ParamGroups:
    """The parameter groups, compared with the network."""
    found = ParamGroups(**vars(experiment.param_groups))
    found.named_factors(model)
    return found


def _lineage(started_from: Start | None) -> dict[str, Any]:
    """What a checkpoint says of earlier weights; nothing where there are none."""
    return {} if started_from is None else {"init_from": dict(started_from.facts)}


def _loss(experiment: Experiment, task: type[BaseTask], spec: DataSpec, datamodule: ImageDataModule) -> nn.Module:
    """The loss, tried once; what it counts are the training images alone: others must not shape the training."""
    if not issubclass(task.loss_class, SegmentationLoss):
        return build_any_loss(experiment.loss, task)
    loss = build_loss(experiment.loss, spec, lambda: _class_counts(datamodule), task.loss_class)
    try_loss(loss, spec)
    return loss


def _class_counts(datamodule: ImageDataModule) -> torch.Tensor:
    """Pixels of each class in each training image, int64 (N, C); of classes of images their numbers, (1, C)."""
    pixels = torch.from_numpy(datamodule.class_pixels("train"))
    return (pixels > 0).sum(dim=0, keepdim=True) if datamodule.target().form == "label" else pixels


def _split(datamodule: ImageDataModule) -> dict[Phase, list[str]]:
    return {phase: [item.name for item in datamodule.items(phase)] for phase in PHASES}


def settled(experiment: Experiment, datamodule: ImageDataModule) -> Experiment:
    """Puts what the data decided, where the config leaves it open, into the experiment."""
    return replace(experiment, datamodule={**experiment.datamodule, **datamodule.settled()})


def _divided(experiment: Experiment, block: TaskBlock) -> TaskBlock:
    """The block as it is trained; what divides its weights between ranks takes time to import."""
    if experiment.trainer.strategy != "fsdp" or experiment.ranks == 1:
        return block
    from segexp.training.distributed.sharded import sharded_class

    return replace(block, kind=sharded_class(block.kind))


def check_views(experiment: Experiment, task: type[BaseTask]) -> None:
    """Compares test-time augmentation with the outputs of the task.

    Raises:
        ConfigError: They have no place that could be turned back.
    """
    if experiment.tta != "none" and not issubclass(task, DenseTask):
        raise ConfigError(
            f"tta: found {experiment.tta}, but {task.__name__} gives no outputs of pixels, which could be turned back; "
            "use none"
        )


def check_watched_measures(experiment: Experiment, classes: Sequence[str]) -> None:
    """Compares the measures that the config watches with the classes of the data and the terms of the loss.

    Raises:
        ConfigError: There is no such measure.
    """
    terms = [str(term) for term in experiment.loss.get("terms", {})]
    own = torch_metrics(experiment.metric)
    for key, name in watched(experiment.monitor, experiment.scheduler, experiment.callbacks):
        if metric_name(name) in own:
            _check_part(key, name, classes)
            continue
        _check_measure(key, name, experiment.task_class, classes, terms)


def _check_part(key: str, name: str, classes: Sequence[str]) -> None:
    """What follows the name of a measure of torchmetrics is a class, where the data has classes."""
    _, _, part = name.removeprefix("val/").partition("/")
    if part and classes and part not in classes:
        raise ConfigError(f"{key}: nothing is logged as {name!r}, the data has the classes {', '.join(classes)}")


def _check_measure(key: str, name: str, task: str, classes: Sequence[str], terms: Sequence[str]) -> None:
    try:
        check_watched(name, task, classes, terms)
    except ConfigError as error:
        raise ConfigError(f"{key}: {error}") from error


def _try_sizes(module: BaseTask, datamodule: ImageDataModule) -> None:
    """A forward pass per size of sample: sizes that do not fit are found before anything is written.

    In evaluation mode: a probe must leave running statistics and the stream of random numbers alone. Of an image that
    is seen in windows, one window is tried.
    """
    probes = [datamodule.train_samples()[0, 0]["image"]]
    probes += _seen_at_once([*datamodule.items("val"), *datamodule.items("test")], module.inference)
    was_training = module.training
    module.eval()
    for image in {array.shape: array for array in probes}.values():
        try_model(module, torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None])
    module.train(was_training)


def _seen_at_once(items: Sequence[Item], inference: Inference) -> list[Image]:
    """What one forward pass sees of an image, all of it or a window: one example of each size."""
    found: dict[tuple[int, int], Image] = {}
    for item in items:
        window = inference.window_for(*item.shape)
        height, width = item.shape if window is None else (min(side, window) for side in item.shape)
        if (height, width) not in found:
            found[height, width] = item.window(0, 0, height, width)[0]
    return list(found.values())
