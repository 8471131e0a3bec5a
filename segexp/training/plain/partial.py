"""Trainings of any LightningModule that see a part of their data: what the results say of it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.data import sized_len
from lightning.pytorch.utilities import CombinedLoader

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.config.trainer import is_part
from segexp.training.partial import limiting_key


def describe_training(experiment: Experiment, trainer: pl.Trainer) -> Iterator[str]:
    """Yields a line for the notes of the results for each part of the data of which training did not see all.

    Args:
        experiment: Of the training.
        trainer: That has trained.
    """
    section = experiment.trainer
    if (found := _of_training(trainer, experiment.fitting.limit_train_batches)) is not None:
        again = ", the same in each epoch" if section.overfit_batches else ""
        yield f"trained on {found} batches an epoch{again} ({limiting_key(section, 'train')})"
    if is_part(experiment.fitting.limit_val_batches):
        yield (
            f"validations were limited ({limiting_key(section, 'val')}), so they chose no checkpoint: the figures are "
            "of the weights after the last epoch"
        )


def describe_ranks(experiment: Experiment) -> Iterator[str]:
    """Yields a line for the notes of the results if several processes have trained together."""
    if experiment.ranks > 1:
        yield (
            f"trained by {experiment.ranks} processes: what the module logs in training and validation without "
            "sync_dist=True is of the batches of the first one; the test is by one process"
        )


def describe_test(section: TrainerConfig, tester: pl.Trainer, part: str) -> Iterator[str]:
    """Yields a line for the notes of the results if the test saw a part of its batches.

    Args:
        section: The block ``trainer`` as it was given.
        tester: That has tested.
        part: ``test``, or ``val`` where the validation data stand in for a test.
    """
    numbers, loaders = tester.num_test_batches, tester.test_dataloaders
    if part == "val":
        numbers, loaders = tester.num_val_batches, tester.val_dataloaders
    if (found := _part(numbers, loaders)) is not None:
        yield f"the test saw {found} batches ({limiting_key(section, 'test')}), of which the figures are"


def _of_training(trainer: pl.Trainer, limit: float | None) -> str | None:
    """As :func:`_part`; of several loaders, which are read side by side, nobody says how many batches there are."""
    seen = trainer.num_training_batches
    if len(CombinedLoader(trainer.train_dataloader).flattened) == 1:
        return _part([seen], trainer.train_dataloader)
    return str(seen) if is_part(limit) else None


def _part(seen: Sequence[float], loaders: Any) -> str | None:
    """``2 of 3``, of all loaders together; None: all were seen."""
    # Lightning counts infinity where a loader tells no length and nothing limits it.
    lengths = [sized_len(loader) for loader in CombinedLoader(loaders).flattened]
    counted = [(int(number), there) for number, there in zip(seen, lengths, strict=True) if math.isfinite(number)]
    if all(there is not None and number >= there for number, there in counted):
        return None
    whole = [there for _, there in counted if there is not None]
    total = sum(whole) if len(whole) == len(counted) else "an unknown number of"
    return f"{sum(number for number, _ in counted)} of {total}"
