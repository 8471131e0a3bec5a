"""A learning-rate schedule whose length and direction are filled in when training starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from segexp.tasks.param_groups import FACTOR

AUTO = "auto"
OWN_RATES = ("max_lr", "base_lr")
"""Keys of schedules that set learning rates of their own, whatever the optimiser began with."""
NEVER = 10**9
"""Epochs between two moves that Lightning makes."""


@dataclass(frozen=True)
class Schedule:
    """A learning-rate scheduler to be made: its factory, settings and interval.

    Attributes:
        make: Makes the scheduler from the optimiser and its settings.
        settings: Its keys; ``auto`` stands for the run's length, or for the monitored measure's direction in ``mode``.
        interval: When it moves.
        monitor: Measure that a plateau schedule watches.
        direction: ``min`` or ``max`` of that measure.
        every: Epochs between validations, so that a watched measure is a fresh one.
    """

    make: Callable[..., Any]
    settings: dict[str, Any]
    interval: Literal["step", "epoch"]
    monitor: str | None = None
    direction: Literal["min", "max"] = "min"
    every: int = 1

    def build(self, optimizer: Optimizer, *, steps: int, epochs: int) -> Any:
        """The scheduler for a run of so many optimiser steps and epochs."""
        length = steps if self.interval == "step" else epochs
        try:
            return self.make(optimizer, **self._filled(length, optimizer))
        except ZeroDivisionError:
            # OneCycleLR does so when its way up is exactly one step long (4 steps, a quarter of them up). With one
            # step more, which is never taken, it has a beginning.
            return self.make(optimizer, **self._filled(length + 1, optimizer))

    def _filled(self, length: int, optimizer: Optimizer) -> dict[str, Any]:
        filled = {
            key: (self.direction if key == "mode" else length) if value == AUTO else value
            for key, value in self.settings.items()
        }
        factors = [group.get(FACTOR, 1.0) for group in optimizer.param_groups]
        if any(factor != 1 for factor in factors):
            rates = {key: filled[key] for key in OWN_RATES if isinstance(filled.get(key), int | float)}
            filled |= {key: [rate * factor for factor in factors] for key, rate in rates.items()}
        return filled

    def for_lightning(self, scheduler: Any) -> dict[str, Any]:
        """The dictionary that Lightning's ``configure_optimizers`` returns."""
        if self.monitor is not None and isinstance(scheduler, ReduceLROnPlateau):
            # Lightning would move it after the checkpoint of the epoch, and a resumed run would miss that move.
            return {"scheduler": scheduler, "interval": "epoch", "monitor": self.monitor, "frequency": NEVER}
        return {"scheduler": scheduler, "interval": self.interval}

    def watch(self, scheduler: Any, epoch: int, measures: Mapping[str, Any]) -> None:
        """Moves a plateau schedule at the end of an epoch (from 0) with a validation; any other is left alone."""
        if self.monitor is not None and isinstance(scheduler, ReduceLROnPlateau) and (epoch + 1) % self.every == 0:
            scheduler.step(measures[self.monitor])
