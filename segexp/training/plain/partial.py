"""Trainings of any LightningModule that see a part of their data: what the results say of it."""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.data import sized_len
from lightning.pytorch.utilities import CombinedLoader

from segexp.config.schema import TrainerConfig
from segexp.training.partial import limiting_key


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
