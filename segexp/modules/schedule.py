"""A learning-rate schedule whose length and direction are filled in when training starts."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torch.optim import Optimizer

AUTO = "auto"


@dataclass(frozen=True)
class Schedule:
    """What configures a scheduler.

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
            return self.make(optimizer, **self._filled(length))
        except ZeroDivisionError:
            # OneCycleLR does so when its way up is exactly one step long (4 steps, a quarter of them up). With one
            # step more, which is never taken, it has a beginning.
            return self.make(optimizer, **self._filled(length + 1))

    def _filled(self, length: int) -> dict[str, Any]:
        return {
            key: (self.direction if key == "mode" else length) if value == AUTO else value
            for key, value in self.settings.items()
        }

    def for_lightning(self, scheduler: Any) -> dict[str, Any]:
        """The dictionary that Lightning's ``configure_optimizers`` returns."""
        plan: dict[str, Any] = {"scheduler": scheduler, "interval": self.interval}
        if self.monitor is not None:
            plan |= {"monitor": self.monitor, "frequency": self.every}
        return plan
