"""How many steps an optimiser makes in a run: the length that schedules are laid over."""

import math
from collections.abc import Callable

import lightning.pytorch as pl
from lightning.pytorch.callbacks import GradientAccumulationScheduler


def steps_of_epochs(batches: int, epochs: int, accumulated: Callable[[int], int]) -> int:
    """Optimiser steps of some epochs.

    Args:
        batches: Of an epoch.
        epochs: Their number.
        accumulated: Batches that a step takes in an epoch, from 0.
    """
    return sum(math.ceil(batches / accumulated(epoch)) for epoch in range(epochs))


def epochs_of_steps(batches: int, steps: int, accumulated: Callable[[int], int]) -> int:
    """Epochs in which an optimiser makes some steps, one that is cut short among them.

    Args:
        batches: Of an epoch.
        steps: Their number.
        accumulated: Batches that a step takes in an epoch, from 0.
    """
    epochs = 0
    while steps > 0 and batches > 0:
        steps -= math.ceil(batches / accumulated(epochs))
        epochs += 1
    return epochs


def optimizer_steps(trainer: pl.Trainer) -> float:
    """Optimiser steps of a whole run, also where a callback changes from epoch to epoch how many batches each takes.

    Lightning's own estimate takes the number of batches per step for that of the first epoch.

    Args:
        trainer: Attached to the module.

    Returns:
        A whole number; infinity where a run has no end.
    """
    steps = trainer.estimated_stepping_batches  # loads the data where that was not done yet
    changing = [each for each in trainer.callbacks if isinstance(each, GradientAccumulationScheduler)]  # type: ignore[attr-defined] # Trainer sets it
    if not changing or trainer.max_epochs in (None, -1):
        return steps
    batches = int(trainer.num_training_batches)
    found = steps_of_epochs(batches, trainer.max_epochs or 0, changing[0].get_accumulate_grad_batches)
    return min(found, trainer.max_steps) if trainer.max_steps > 0 else found


def planned_epochs(trainer: pl.Trainer, steps: float) -> int:
    """Epochs of a whole run, one that ``max_steps`` cuts short among them; 1 where nobody knows.

    Args:
        trainer: Attached to the module.
        steps: Of the optimiser, see :func:`optimizer_steps`.
    """
    limit = trainer.max_epochs if trainer.max_epochs is not None and trainer.max_epochs > 0 else None
    if trainer.max_steps <= 0:
        return limit or 1
    trainer.fit_loop.setup_data()  # Lightning's estimate loads it only where epochs are limited
    changing = [each for each in trainer.callbacks if isinstance(each, GradientAccumulationScheduler)]  # type: ignore[attr-defined] # Trainer sets it

    def accumulated(epoch: int) -> int:
        return changing[0].get_accumulate_grad_batches(epoch) if changing else trainer.accumulate_grad_batches

    found = epochs_of_steps(int(trainer.num_training_batches), int(steps), accumulated)
    return found if limit is None else min(found, limit)
