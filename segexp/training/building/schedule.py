"""Builds the learning-rate schedule, tried once on the optimiser so that a value it refuses is found now."""

import math
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from hydra.utils import get_method, instantiate

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig, SchedulerConfig
from segexp.config.sections import structured
from segexp.config.settled_forms import PARTS
from segexp.config.signatures.task_figures import SEGMENTATION, watched_direction
from segexp.errors import ConfigError
from segexp.tasks.schedule import Schedule
from segexp.tasks.schedule_part import AUTO, MILESTONES, SchedulePart
from segexp.training.building.constructor_errors import joined_lines, naming_section
from segexp.training.building.optimizer import optimizer_of_one_weight
from segexp.training.checks.config_trials import expect
from segexp.training.run_length import count_steps


def build_schedule(
    section: ObjectConfig,
    optimizer: ObjectConfig,
    every: int,
    task: str = SEGMENTATION,
    metrics: Mapping[str, ObjectConfig] | None = None,
) -> Schedule | None:
    """Builds the learning-rate schedule; None for a constant rate.

    Args:
        section: The block ``scheduler``.
        optimizer: The block of that name, on whose optimiser the schedule is tried.
        every: Epochs between validations.
        task: Dotted name of the class of the task, which says what it logs.
        metrics: The section ``metric``, whose measures of torchmetrics are logged too.
    """
    if section["_target_"] is None:
        return None
    beside = structured(SchedulerConfig, section)
    part = _part({key: value for key, value in section.items() if not hasattr(beside, key)})
    monitor = beside.monitor
    towards = watched_direction(monitor, task, metrics) if monitor is not None else "min"
    schedule = Schedule(part.make, dict(part.settings), beside.interval, monitor, towards, every, part.parts)
    built = _tried(section["_target_"], optimizer, schedule)
    expect(built, torch.optim.lr_scheduler.LRScheduler, "scheduler", "a schedule of torch.optim.lr_scheduler")
    if monitor is None and isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ConfigError("scheduler.monitor: found null, but a plateau schedule watches a measure; use val/loss")
    return schedule


def _part(section: ObjectConfig) -> SchedulePart:
    """A scheduler of its block, with those that it is made of; other objects in it, such as functions, are built."""
    inner = section.get(PARTS, ())
    blocks = list(inner.values()) if isinstance(inner, Mapping) else list(inner)
    own = {key: value for key, value in section.items() if not key.startswith("_") and key != PARTS}
    with naming_section("scheduler"):
        settings: dict[str, Any] = instantiate(own, _convert_="all")
        return SchedulePart(get_method(section["_target_"]), settings, tuple(map(_part, blocks)))


def _tried(target: str, asked: ObjectConfig, schedule: Schedule) -> Any:
    """A schedule of the real optimiser, on a weight of its own: one step, so that what they refuse is found now."""
    optimizer = optimizer_of_one_weight(asked)
    given = {key: value for key, value in schedule.settings.items() if value != AUTO}
    with naming_section("scheduler", {"_target_": target, **given}), warnings.catch_warnings(action="ignore"):
        try:
            built = schedule.build(optimizer, steps=100, epochs=100)
            optimizer.step(lambda: 0.0)
            built.step(*((0.0,) if isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau) else ()))
        except (RuntimeError, AssertionError) as error:
            raise ConfigError(f"scheduler: {joined_lines(error)}") from error
        except ValueError as error:
            if "cycle_momentum" not in str(error):
                raise
            name, cycle = type(optimizer).__name__, target.rpartition(".")[2]
            raise ConfigError(
                f"scheduler: {cycle} moves the momentum too, and {name} has none; add scheduler.cycle_momentum=false"
            ) from error
    for rate in (float(group["lr"]) for group in optimizer.param_groups):
        # A schedule sets whatever it is told, and no optimiser looks at it again.
        if not (math.isfinite(rate) and rate >= 0):
            where = ", ".join(f"{key} {value}" for key, value in given.items())
            raise ConfigError(f"scheduler ({where}): sets a learning rate of {rate:g}, expected at least 0")
    return built


def describe_momentum(experiment: Experiment, schedule: Schedule | None) -> Iterator[str]:
    """Yields a line for the notes of the results for each cycle that leaves a momentum alone which is not there.

    Args:
        experiment: Of which the optimiser is.
        schedule: Of the run.
    """
    parts = [] if schedule is None else [schedule.part]
    for part in parts:
        parts += part.parts
        if part.leaves_momentum(optimizer := optimizer_of_one_weight(experiment.optimizer)):
            cycle = getattr(part.make, "__name__", "the schedule")
            yield (
                f"scheduler: {cycle} moves the learning rate alone, as with cycle_momentum=false: "
                f"{type(optimizer).__name__} has no momentum"
            )


def check_length(experiment: Experiment, schedule: Schedule | None, batches: int) -> None:
    """Checks that a schedule of a length of its own is as long as the run: it cannot be moved any further.

    Args:
        experiment: How many epochs or steps the run has, and its optimiser.
        schedule: That of the run.
        batches: Batches of an epoch.

    Raises:
        ConfigError: It is shorter, or one of several schedules would never begin.
    """
    if schedule is None:
        return
    per_epoch, steps, epochs = count_steps(experiment, batches)
    by_step = schedule.interval == "step"
    length = steps if by_step else epochs
    if length is not None:
        _refuse_late(schedule, length)
    with warnings.catch_warnings(action="ignore"):
        one = optimizer_of_one_weight(experiment.optimizer)
        built = schedule.build(one, steps=steps or 1, epochs=epochs or 1)
    if length is None:
        _refuse_endless(built, schedule.interval, 1 if by_step else per_epoch)
        return
    for scheduler, stretch in schedule.part.with_lengths(built, length):
        own = getattr(scheduler, "total_steps", stretch)
        if own < stretch:
            of = "the run" if scheduler is built else "its part of the run"
            raise ConfigError(
                f"scheduler: its cycle takes {own} {schedule.interval}s, but {of} has {stretch}; use "
                "scheduler.total_steps=auto, or fewer trainer.max_epochs"
            )


def _refuse_endless(built: Any, interval: str, steps: int) -> None:
    """Refuses a cycle of a length of its own where nobody knows how long the run is: it cannot be moved any further.

    Args:
        built: The schedule.
        interval: When it moves.
        steps: Of the optimiser in each of its moves.
    """
    if (own := getattr(built, "total_steps", None)) is not None:
        raise ConfigError(
            f"scheduler: its cycle takes {own} {interval}s, but nobody knows how many the run has; add "
            f"trainer.max_steps={own * steps}"
        )


def _refuse_late(schedule: Schedule, length: int) -> None:
    """Refuses a schedule of several of which one would begin after the end of the run."""
    marks = schedule.settings.get(MILESTONES, [])
    late = [mark for mark in marks if mark >= length] if schedule.parts else []
    if late:
        raise ConfigError(
            f"scheduler.{MILESTONES}: found {late[0]}, but the run has {length} {schedule.interval}s, so that the next "
            f"schedule would never begin; use a share of the run, 'scheduler.{MILESTONES}=[0.1]', or more "
            "trainer.max_epochs"
        )
