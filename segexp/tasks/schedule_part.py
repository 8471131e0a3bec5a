"""A learning-rate scheduler and those that it is made of, for a stretch of the run whose length is known later."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

from torch.optim import Optimizer

from segexp.tasks.param_groups import FACTOR

AUTO = "auto"
MILESTONES = "milestones"
"""Key of the moves at which the next scheduler begins, or the rate changes."""
CYCLES_MOMENTUM = "cycle_momentum"
"""Key of cycles that asks whether they move the momentum too."""
OWN_RATES = ("max_lr", "base_lr")
"""Keys of schedules that set learning rates of their own, whatever the optimiser began with."""


@dataclass(frozen=True)
class SchedulePart:
    """A class of schedulers and its arguments.

    Attributes:
        make: Makes the scheduler from the optimiser and its settings.
        settings: Its keys; ``auto`` stands for the length of its stretch, or in ``mode`` for the direction of the
            measure that is watched. Milestones below 1 are shares of the stretch.
        parts: The schedulers that it is made of, as SequentialLR and ChainedScheduler are.
    """

    make: Callable[..., Any]
    settings: Mapping[str, Any]
    parts: tuple["SchedulePart", ...] = ()

    def build(self, optimizer: Optimizer, length: int, direction: Literal["min", "max"]) -> Any:
        """Makes the scheduler for a stretch of so many moves."""
        try:
            return self._built(optimizer, length, direction)
        except ZeroDivisionError:
            # OneCycleLR does so when its way up is exactly one step long (4 steps, a quarter of them up). With one
            # step more, which is never taken, it has a beginning.
            return self._built(optimizer, length + 1, direction)

    def _built(self, optimizer: Optimizer, length: int, direction: str) -> Any:
        filled = self._filled(optimizer, length, direction)
        if not self.parts:
            return self.make(optimizer, **filled)
        stretches = zip(self.parts, self.stretches(length), strict=False)
        inner = [part.build(optimizer, own, direction) for part, own in stretches]  # type: ignore[arg-type] # as given
        return self.make(optimizer=optimizer, schedulers=inner, **filled)

    def leaves_momentum(self, optimizer: Optimizer) -> bool:
        """True of a cycle that would move the momentum as well, unless told otherwise, where the optimiser has none."""
        if CYCLES_MOMENTUM in self.settings or CYCLES_MOMENTUM not in inspect.signature(self.make).parameters:
            return False
        return not {"momentum", "betas"} & optimizer.defaults.keys()

    def _filled(self, optimizer: Optimizer, length: int, direction: str) -> dict[str, Any]:
        filled = {
            key: (direction if key == "mode" else length) if value == AUTO else value
            for key, value in self.settings.items()
        }
        if self.leaves_momentum(optimizer):
            filled[CYCLES_MOMENTUM] = False
        if isinstance(marks := filled.get(MILESTONES), Sequence):
            filled[MILESTONES] = in_moves(marks, length)
        factors = [group.get(FACTOR, 1.0) for group in optimizer.param_groups]
        if any(factor != 1 for factor in factors):
            rates = {key: filled[key] for key in OWN_RATES if isinstance(filled.get(key), int | float)}
            filled |= {key: [rate * factor for factor in factors] for key, rate in rates.items()}
        return filled

    def stretches(self, length: int) -> list[int]:
        """Gives the moves of each of its parts, at least one: between milestones, or all where there are none."""
        marks = self.settings.get(MILESTONES)
        if not isinstance(marks, Sequence) or isinstance(marks, str):
            return [length] * len(self.parts)
        edges = [0, *in_moves(marks, length), length]
        return [max(1, end - start) for start, end in pairwise(edges)]

    def with_lengths(self, built: Any, length: int) -> Iterator[tuple[Any, int]]:
        """Yields each scheduler of those that were built, outer ones first, with the moves of its stretch."""
        yield built, length
        inner = getattr(built, "_schedulers", ())
        for part, own, stretch in zip(self.parts, inner, self.stretches(length), strict=False):
            yield from part.with_lengths(own, stretch)


def in_moves(marks: Sequence[Any], length: int) -> list[Any]:
    """Milestones in moves of the schedule: a number between 0 and 1 is that share of the length, one move at least."""
    return [max(1, round(mark * length)) if isinstance(mark, float) and 0 < mark < 1 else mark for mark in marks]


def follows_length(block: Mapping[str, Any]) -> bool:
    """Returns whether the block of a schedule, or one inside it, is laid over the whole run, however long that is."""
    return any(_follows(str(key), value) for key, value in block.items())


def _follows(key: str, value: Any) -> bool:
    if isinstance(value, Mapping):
        return follows_length(value)
    if isinstance(value, list):
        return in_moves(value, 1) != value if key == MILESTONES else any(_follows("", one) for one in value)
    return bool(value == AUTO) and key != "mode"
