"""How many steps an optimiser makes in a run: the length that schedules are laid over."""

import math

import lightning.pytorch as pl
from lightning.pytorch.callbacks import GradientAccumulationScheduler


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
    epochs, batches = range(trainer.max_epochs or 0), trainer.num_training_batches
    return sum(math.ceil(batches / changing[0].get_accumulate_grad_batches(epoch)) for epoch in epochs)
