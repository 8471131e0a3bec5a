"""How long a training is, and how much of the data it sees, in batches that are counted before it starts."""

from collections.abc import Callable
from dataclasses import dataclass

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.data.base import ImageDataModule
from segexp.data.splits.rules import Phase
from segexp.errors import ConfigError
from segexp.tasks.steps.planned import epochs_of_steps, steps_of_epochs


@dataclass(frozen=True)
class Batches:
    """Number of batches of each part of the data: all that there are, or those that are seen."""

    train: int
    val: int
    test: int


@dataclass(frozen=True)
class RunLength:
    """Length of a training; the clock and callbacks may end it earlier.

    Attributes:
        seen: Batches of an epoch, of a validation and of the test.
        all: Batches that there are.
        steps_per_epoch: Steps of the optimiser.
        steps: Steps up to the nearest end that can be counted; None: there is none.
        epochs: Epochs up to there, one that is cut short among them; None: there is no end.
    """

    seen: Batches
    all: Batches
    steps_per_epoch: int
    steps: int | None
    epochs: int | None

    @property
    def validates_all(self) -> bool:
        """True if a validation sees all images, so that it may choose a checkpoint and a threshold."""
        return self.seen.val == self.all.val

    @property
    def tests_all(self) -> bool:
        """True if the test sees all images."""
        return self.seen.test == self.all.test


def count_batches(datamodule: ImageDataModule, ranks: int = 1) -> Batches:
    """Counts the batches of each part; those of training are divided between ranks, of others each takes its turn."""
    size = datamodule.loader.eval_batch_size

    def whole(phase: Phase) -> int:
        return -(-len(datamodule.items(phase)) // size)

    return Batches(len(datamodule.train_batches()), -(-whole("val") // ranks), whole("test"))


def measure_run(experiment: Experiment, there: Batches) -> RunLength:
    """Counts what a training will see of the batches that there are.

    Raises:
        ConfigError: A share of them is less than one, or training ends before the first validation.
    """
    section = experiment.fitting
    seen = Batches(
        _limited("limit_train_batches", section.limit_train_batches, there.train),
        _limited("limit_val_batches", section.limit_val_batches, there.val),
        _limited("limit_test_batches", section.limit_test_batches, there.test),
    )
    found = RunLength(seen, there, *count_steps(experiment, seen.train))
    _check_validated(section, found, accumulation(experiment))
    return found


def count_steps(experiment: Experiment, batches: int) -> tuple[int, int | None, int | None]:
    """Counts the steps of the first epoch, and steps and epochs up to the nearest end; None: none can be counted.

    Args:
        experiment: Of the training; a GradientAccumulationScheduler among its callbacks sets the batches of a step.
        batches: Of an epoch.
    """
    section, accumulated = experiment.fitting, accumulation(experiment)
    epochs = section.max_epochs or -1
    ends = [steps_of_epochs(batches, epochs, accumulated)] if epochs > 0 else []
    ends += [section.max_steps] if section.max_steps > 0 else []
    steps = min(ends, default=None)
    per_epoch = steps_of_epochs(batches, 1, accumulated)
    return per_epoch, steps, None if steps is None else epochs_of_steps(batches, steps, accumulated)


def accumulation(experiment: Experiment) -> Callable[[int], int]:
    """Gives the batches that a step of the optimiser takes, by epoch from 0."""
    blocks = (block for block in experiment.callbacks.values() if str(block.get("_target_")).endswith(_SCHEDULER))
    block = next(blocks, None)
    if block is None:
        return lambda _: experiment.fitting.accumulate_grad_batches
    # As Lightning takes it: from an epoch on, until another one says otherwise.
    scheduling = {int(epoch): int(batches) for epoch, batches in dict(block.get("scheduling") or {}).items()}

    def batches_in(epoch: int) -> int:
        begun = [start for start in scheduling if start <= epoch]
        return scheduling[max(begun)] if begun else 1

    return batches_in


_SCHEDULER = ".GradientAccumulationScheduler"


def measured(experiment: Experiment, datamodule: ImageDataModule) -> RunLength:
    """Counts what a training will see of its data, see :func:`measure_run`."""
    return measure_run(experiment, count_batches(datamodule, experiment.ranks))


def _limited(key: str, limit: float | None, there: int) -> int:
    """As Lightning limits batches: a whole number is theirs, any other one a share of them."""
    if limit is None:
        return there
    if isinstance(limit, int):
        return min(limit, there)
    if limit > 0 and int(there * limit) == 0:
        least = -(-100 // there) / 100
        raise ConfigError(
            f"trainer.{key}: found {limit}, less than one of {there} batches; use at least {least:g}, or their number: "
            f"trainer.{key}=1"
        )
    return int(there * limit)


def _check_validated(section: TrainerConfig, length: RunLength, accumulated: Callable[[int], int]) -> None:
    """Checks that there is a validation before the end, if there is to be one."""
    every, interval, batches = section.check_val_every_n_epoch, section.val_check_interval, length.seen.train
    if not length.seen.val or isinstance(interval, str) or not isinstance(interval, int | float | None):
        return
    if isinstance(interval, int) and every is not None and interval > batches:
        raise ConfigError(
            f"trainer.val_check_interval: found {interval}, but an epoch has {batches} batches; use at most {batches}, "
            "or add trainer.check_val_every_n_epoch=null, which counts them over all epochs"
        )
    within = batches if interval is None else interval if isinstance(interval, int) else max(1, int(batches * interval))
    first = ((every or 1) - 1) * batches + within
    if length.steps is not None and (last := _batches_of(length, accumulated)) < first:
        key = "max_steps" if length.steps == section.max_steps else "max_epochs"
        raise ConfigError(
            f"trainer.{key}: found {getattr(section, key)}, which ends training after {last} batches, but the first "
            f"validation is after {first}: none would run; use trainer.val_check_interval={min(last, batches)}, or "
            "trainer.limit_val_batches=0 for none"
        )


def _batches_of(length: RunLength, accumulated: Callable[[int], int]) -> int:
    """Batches up to the end."""
    whole = max(0, (length.epochs or 0) - 1)
    rest = (length.steps or 0) - steps_of_epochs(length.seen.train, whole, accumulated)
    return whole * length.seen.train + min(length.seen.train, rest * accumulated(whole))
