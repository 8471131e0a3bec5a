"""Weights of terms that change from epoch to epoch."""

import math
from collections.abc import Mapping
from typing import Any

from segexp.errors import ConfigError
from segexp.types import WeightSchedule


def weight_at(schedule: WeightSchedule, epoch: float) -> float:
    """The weight in an epoch, counted from 0: ``start`` up to ``from_epoch``, ``end`` from ``epochs`` later on."""
    progress = min(max((epoch - schedule.from_epoch) / schedule.epochs, 0.0), 1.0)
    if schedule.shape == "cosine":
        progress = (1.0 - math.cos(math.pi * progress)) / 2.0
    return schedule.start + (schedule.end - schedule.start) * progress


def schedule_of(key: str, value: float | WeightSchedule | Mapping[str, Any]) -> WeightSchedule:
    """A constant weight, a schedule, or the block of its keys as a schedule.

    Raises:
        ConfigError: A key is unknown or a value out of range.
    """
    if isinstance(value, int | float):
        if not value >= 0:
            raise ConfigError(f"{key}={value:g}: a weight is 0 or more")
        return WeightSchedule(start=float(value), end=float(value))
    try:
        schedule = value if isinstance(value, WeightSchedule) else WeightSchedule(**value)
    except TypeError as error:
        raise ConfigError(
            f"{key}: found {value!r}, expected a number, or a block of start, end, from_epoch, epochs and shape"
        ) from error
    if not (schedule.start >= 0 and schedule.end >= 0 and schedule.from_epoch >= 0 and schedule.epochs >= 1):
        raise ConfigError(f"{key}: found {schedule}, expected weights of 0 or more and epochs of 1 or more")
    if schedule.shape not in ("linear", "cosine"):
        raise ConfigError(f"{key}.shape: found {schedule.shape!r}, expected linear | cosine")
    return schedule
