"""Finds the largest batch that fits: estimated first, then tried, so that the system never has to end the process."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch

from segexp.config.batch_size import KEY
from segexp.config.experiment import Experiment
from segexp.data.base import ImageDataModule
from segexp.data.sampling.samples import collate
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError
from segexp.system.free_memory import forget_peak, gib, peak_memory, process_memory
from segexp.tasks.base import BaseTask
from segexp.training.estimate.memory import MemoryEstimate
from segexp.training.estimate.out_of_memory import is_out_of_memory
from segexp.training.estimate.run import estimate_run
from segexp.training.estimate.step_time import train_once
from segexp.training.resuming.own_folder import run_parent

SHARE = {"cpu": 0.7, "cuda": 0.9, "mps": 0.7}
"""Share of the free memory that is planned for: what else grows on a processor ends the process, not the step."""
TRIED = 8
"""On a processor a batch so many times smaller is tried: it tells what a sample takes, and cannot be too large."""


@dataclass(frozen=True)
class FoundBatch:
    """A batch size that fits.

    Attributes:
        size: Samples, a power of two.
        tried: Samples of the batches that were tried, in order.
        room: Bytes that were planned for.
    """

    size: int
    tried: tuple[int, ...]
    room: int

    def described(self) -> str:
        """A line for the notes of a run."""
        tried = ", ".join(map(str, self.tried))
        return (
            f"{KEY}=auto: {self.size}, the largest power of two that fits into {gib(self.room)} by the estimate and "
            f"steps that were tried with {tried}; to have it again, write {KEY}={self.size}"
        )


def find_batch_size(experiment: Experiment, datamodule: ImageDataModule, module: BaseTask) -> FoundBatch:
    """Finds the largest power of two that fits, at most the samples of an epoch.

    Args:
        experiment: With its device; of one process.
        datamodule: Set up.
        module: A task that is not used afterwards: it is trained by the trials.

    Raises:
        ConfigError: Not a single sample fits.
    """
    items = {phase: datamodule.items(phase) for phase in PHASES}
    takes = estimate_run(experiment, module, datamodule, items, run_parent(experiment))
    takes.refuse()
    free = takes.room.free
    if free is None:
        raise ConfigError(f"{KEY}: found auto, but this system does not say how much memory is free; give a number")
    room = int(free * SHARE[takes.memory.device])
    if not takes.memory.known:
        raise ConfigError(
            f"{KEY}: found auto, but {type(module.model).__name__} cannot be run on shapes alone, so that what a batch "
            "takes is unknown before it is tried; give a number"
        )
    most = datamodule.samples_per_epoch
    guess = _largest(takes.memory, room, most)
    step = _trial(experiment, datamodule, module, takes.memory.device)
    if takes.memory.device == "cuda":
        return _halved(guess, step, room)
    tried = max(min(2, guess), guess // TRIED)
    return FoundBatch(_largest(_corrected(takes.memory.with_batch(tried), step), room, most), (tried,), room)


def _largest(memory: MemoryEstimate, room: int, most: int) -> int:
    """The largest power of two that fits into ``room`` bytes, at most ``most``."""
    fits = min(memory.largest_batch(room), most)
    if fits < 1:
        raise ConfigError(
            f"{KEY}: found auto, but not even one sample fits: it takes about {gib(memory.with_batch(1).total)}, and "
            f"{gib(room)} may be planned for; use a smaller model or datamodule.crop_size"
        )
    return int(2 ** int(math.log2(fits)))


def _trial(experiment: Experiment, datamodule: ImageDataModule, module: BaseTask, device: str) -> Callable[[int], None]:
    """Gives what does a training step of so many samples."""
    sample = datamodule.train_samples()[0, 0]

    def step(size: int) -> None:
        train_once(module, collate([sample] * size), device, experiment.trainer.precision)

    return step


def _corrected(memory: MemoryEstimate, step: Callable[[int], None]) -> MemoryEstimate:
    """The estimate with what a step was measured to take, where that is more."""
    before = process_memory()
    if before is None or not forget_peak():
        step(memory.batch)
        return memory
    step(memory.batch)
    grown = (peak_memory() or before) - before
    fixed = memory.gradients + memory.optimizer
    measured = max(0, grown - fixed) * memory.activations // max(1, memory.activations + memory.reserve)
    return memory.with_activations(max(memory.activations, measured))


def _halved(size: int, step: Callable[[int], None], room: int) -> FoundBatch:
    """The first of ever smaller batches that a GPU takes: there a step that is too large is an error and no more."""
    tried: list[int] = []
    while True:
        tried.append(size)
        try:
            step(size)
        except Exception as error:
            if not is_out_of_memory(error) or size == 1:
                raise
        else:
            torch.cuda.empty_cache()
            return FoundBatch(size, tuple(tried), room)
        torch.cuda.empty_cache()
        size //= 2
