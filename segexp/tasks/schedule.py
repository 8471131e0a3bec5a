"""A learning-rate schedule whose length and direction are filled in when training starts."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from torch.optim import Optimizer
from torch.optim.lr_scheduler import ReduceLROnPlateau

from segexp.tasks.schedule_part import SchedulePart

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
        parts: The schedulers that it is made of, one after the other or together; see :class:`SchedulePart`.
    """

    make: Callable[..., Any]
    settings: dict[str, Any]
    interval: Literal["step", "epoch"]
    monitor: str | None = None
    direction: Literal["min", "max"] = "min"
    every: int = 1
    parts: tuple[SchedulePart, ...] = ()

    def build(self, optimizer: Optimizer, *, steps: int, epochs: int) -> Any:
        """The scheduler for a run of so many optimiser steps and epochs."""
        length = steps if self.interval == "step" else epochs
        return self.part.build(optimizer, length, self.direction)

    @property
    def part(self) -> SchedulePart:
        """The scheduler without when it moves."""
        return SchedulePart(self.make, self.settings, self.parts)

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
