"""Compares the callbacks of a config with all else: what Lightning would say after the first batch is said now."""

import importlib.util
from collections.abc import Mapping

from lightning.pytorch.callbacks import (
    Callback,
    DeviceStatsMonitor,
    GradientAccumulationScheduler,
    ProgressBar,
    StochasticWeightAveraging,
)  # fmt: skip

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError, MissingExtraError
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
        elif isinstance(callback, StochasticWeightAveraging) and experiment.trainer.strategy == "fsdp":
            raise ConfigError(f"{key}: trainer.strategy=fsdp divides the weights, and an average needs all; use ddp")


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
