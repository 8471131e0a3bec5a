"""Compares the callbacks of a config with all else: what Lightning would say after the first batch is said now."""

import importlib.util
from collections.abc import Collection, Mapping
from typing import Any

from lightning.pytorch.callbacks import (
    BaseFinetuning,
    BatchSizeFinder,
    Callback,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    LearningRateFinder,
    ProgressBar,
    StochasticWeightAveraging,
    WeightAveraging,
)  # fmt: skip
from torch import nn

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError, MissingExtraError
from segexp.training.finetuning import Finetuning
from segexp.training.hardware import device_type


def check_callbacks(experiment: Experiment, callbacks: Mapping[str, Callback]) -> None:
    """Compares callbacks with the config that they are of, before anything is written.

    Args:
        experiment: The run.
        callbacks: By name, as they were built.

    Raises:
        ConfigError: Two settings contradict each other.
        MissingExtraError: A package is not installed that one needs.
    """
    for name, callback in callbacks.items():
        key = f"callbacks.{name}"
        if isinstance(callback, ProgressBar):
            _check_bar(key, experiment)
        elif isinstance(callback, DeviceStatsMonitor):
            _check_device_stats(key, callback, experiment)
        elif isinstance(callback, GradientAccumulationScheduler):
            _check_accumulation(key, experiment)
        elif isinstance(callback, StochasticWeightAveraging | WeightAveraging) and _is_divided(experiment):
            raise ConfigError(f"{key}: trainer.strategy=fsdp divides the weights, and an average needs all; use ddp")
        _check_going_on(key, callback, experiment)


def _is_divided(experiment: Experiment) -> bool:
    """Whether each rank holds a part of the weights only."""
    return experiment.ranks > 1 and experiment.trainer.strategy == "fsdp"


def _check_going_on(key: str, callback: Callback, experiment: Experiment) -> None:
    """Callbacks of Lightning's that change the training at the start of an epoch and do not know that one goes on."""
    changing = isinstance(callback, StochasticWeightAveraging | BaseFinetuning) and not isinstance(callback, Finetuning)
    if (found := experiment.trainer.checkpoint_every) is not None and changing:
        raise ConfigError(
            f"trainer.checkpoint_every: found {found}, but {key} ({type(callback).__name__}) cannot go on within an "
            "epoch; write trainer.checkpoint_every=null: last.ckpt is written after each epoch"
        )


def _check_bar(key: str, experiment: Experiment) -> None:
    if (found := experiment.trainer.progress) in ("lines", "none"):
        raise ConfigError(
            f"trainer.progress: found {found}, but {key} is a progress bar; write trainer.progress=auto, or {key}=null"
        )


def _check_device_stats(key: str, callback: DeviceStatsMonitor, experiment: Experiment) -> None:
    """On a processor Lightning asks psutil, and on a GPU where the figures of the processor are asked for, too."""
    on_processor = device_type(experiment.trainer.accelerator) == "cpu"
    wanted = callback._cpu_stats is not False if on_processor else callback._cpu_stats
    if wanted and importlib.util.find_spec("psutil") is None:
        raise MissingExtraError(
            f"{key}: figures of the processor need the package psutil, which is not installed; pip install psutil, or "
            f"write {key}.cpu_stats=false"
        )


def _check_accumulation(key: str, experiment: Experiment) -> None:
    if (found := experiment.trainer.accumulate_grad_batches) != 1:
        raise ConfigError(
            f"trainer.accumulate_grad_batches: found {found}, but {key} says it for each epoch; write "
            "trainer.accumulate_grad_batches=1"
        )


def check_finders(callbacks: Mapping[str, Callback], module: nn.Module, data: object = None) -> None:
    """Compares callbacks that look for a learning rate or a batch size with the parts where they would set it.

    Args:
        callbacks: By name.
        module: The task.
        data: Its datamodule, where that is known.

    Raises:
        ConfigError: Neither has such an attribute.
    """
    for name, callback in callbacks.items():
        if isinstance(callback, LearningRateFinder):
            wanted, instead = [callback._attr_name] if callback._attr_name else ["lr", "learning_rate"], "optimizer.lr"
        elif isinstance(callback, BatchSizeFinder):
            wanted, instead = [callback._batch_arg_name], "datamodule.loader.batch_size"
        else:
            continue
        holders = [module, *(getattr(part, "hparams", {}) for part in (module, data))]
        if not any(hasattr(holder, key) or key in _keys(holder) for key in wanted for holder in holders):
            raise ConfigError(
                f"callbacks.{name}: it sets {' or '.join(wanted)} of the LightningModule, and {type(module).__name__} "
                f"has none; write {instead}=<value>, or search it: -m sweep=optuna {instead}=..."
            )


def _keys(holder: Any) -> Collection[str]:
    return holder if isinstance(holder, Mapping) else ()
