"""Builds the learning-rate schedule, tried once on the optimiser so that a value it refuses is found now."""

import math
import warnings
from typing import Any

import torch
from hydra.utils import get_method, instantiate
from torch.optim import Optimizer

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig, SchedulerConfig
from segexp.config.sections import structured
from segexp.config.signatures.task_figures import SEGMENTATION, watched_direction
from segexp.errors import ConfigError
from segexp.tasks.schedule import AUTO, Schedule
from segexp.training.checks.config_trials import expect
from segexp.training.constructor_errors import joined_lines, naming_section
from segexp.training.run_length import count_steps


def build_schedule(
    section: ObjectConfig, optimizer: ObjectConfig, every: int, task: str = SEGMENTATION
) -> Schedule | None:
    """Builds the learning-rate schedule; None for a constant rate.

    Args:
        section: The block ``scheduler``.
        optimizer: The block of that name, on whose optimiser the schedule is tried.
        every: Epochs between validations.
        task: Dotted name of the class of the task, which says what it logs.
    """
    if section["_target_"] is None:
        return None
    beside = structured(SchedulerConfig, section)
    settings = {key: value for key, value in section.items() if not key.startswith("_") and not hasattr(beside, key)}
    monitor = beside.monitor
    towards = watched_direction(monitor, task) if monitor is not None else "min"
    schedule = Schedule(get_method(section["_target_"]), settings, beside.interval, monitor, towards, every)
    built = _tried(section["_target_"], optimizer, schedule)
    expect(built, torch.optim.lr_scheduler.LRScheduler, "scheduler", "a schedule of torch.optim.lr_scheduler")
    if monitor is None and isinstance(built, torch.optim.lr_scheduler.ReduceLROnPlateau):
        raise ConfigError("scheduler.monitor: found null, but a plateau schedule watches a measure; use val/loss")
    return schedule


def _tried(target: str, asked: ObjectConfig, schedule: Schedule) -> Any:
    """A schedule of the real optimiser, on a weight of its own: one step, so that what they refuse is found now."""
    optimizer = _one_weight(asked)
    given = {key: value for key, value in schedule.settings.items() if value != AUTO}
    settings = {"_target_": target, "_partial_": True, **given}
    with naming_section("scheduler", settings), warnings.catch_warnings(action="ignore"):
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
            plus = "" if "cycle_momentum" in given else "+"
            raise ConfigError(
                f"scheduler: {cycle} moves the momentum too, and {name} has none; add "
                f"{plus}scheduler.cycle_momentum=false"
            ) from error
    for rate in (float(group["lr"]) for group in optimizer.param_groups):
        # A schedule sets whatever it is told, and no optimiser looks at it again.
        if not (math.isfinite(rate) and rate >= 0):
            where = ", ".join(f"{key} {value}" for key, value in given.items())
            raise ConfigError(f"scheduler ({where}): sets a learning rate of {rate:g}, expected at least 0")
    return built


def _one_weight(section: ObjectConfig) -> Optimizer:
    """The optimiser that is asked for, with a weight of its own."""
    weight = torch.nn.Parameter(torch.zeros(1, 1))
    weight.grad = torch.zeros(1, 1)
    with naming_section("optimizer", section):
        made: Optimizer = instantiate(section, _convert_="all")([weight])
    return made


def check_length(experiment: Experiment, schedule: Schedule | None, batches: int) -> None:
    """Checks that a schedule of a length of its own is as long as the run: it cannot be moved any further.

    Args:
        experiment: How many epochs or steps the run has, and its optimiser.
        schedule: That of the run.
        batches: Batches of an epoch.

    Raises:
        ConfigError: It is shorter.
    """
    if schedule is None:
        return
    per_epoch, steps, epochs = count_steps(experiment.fitting, batches)
    there = steps if schedule.interval == "step" else epochs
    built = schedule.build(_one_weight(experiment.optimizer), steps=steps or 1, epochs=epochs or 1)
    own = getattr(built, "total_steps", None)
    if own is not None and there is None:
        end = f"trainer.max_steps={own if schedule.interval == 'step' else own * per_epoch}"
        raise ConfigError(
            f"scheduler: its cycle takes {own} {schedule.interval}s, but nobody knows how many the run has; add {end}"
        )
    if own is not None and there is not None and own < there:
        raise ConfigError(
            f"scheduler: its cycle takes {own} {schedule.interval}s, but the run has {there}; use "
            "scheduler.total_steps=auto, or fewer trainer.max_epochs"
        )
