"""Trainings that see a part of their images: what they choose nothing by, and what the results say of it."""

from collections.abc import Iterator
from typing import Any

import lightning.pytorch as pl

from segexp.config.schema import TrainerConfig
from segexp.config.trainer import duration
from segexp.data.base import ImageDataModule
from segexp.runs.folder import RunFolder
from segexp.training.callbacks.checkpoints import restore_best, restore_last
from segexp.training.prepare import Prepared
from segexp.training.run_length import RunLength


def describe_parts(section: TrainerConfig, length: RunLength) -> Iterator[str]:
    """Yields a line for each part of which not all is seen, for the notes of the results.

    Args:
        section: The block ``trainer`` as it was given.
        length: How long the training is.
    """
    seen, there = length.seen, length.all
    if seen.train < there.train:
        again = ", the same in each epoch" if section.overfit_batches else ""
        yield f"trained on {seen.train} of {there.train} batches an epoch{again} ({limiting_key(section, 'train')})"
    if not length.validates_all:
        yield (
            f"validations saw {seen.val} of {there.val} batches ({limiting_key(section, 'val')}), so while training "
            "they chose neither a checkpoint nor a threshold: the figures are of the weights after the last epoch"
        )
    if not length.tests_all:
        asked = limiting_key(section, "test")
        yield f"the test saw {seen.test} of {there.test} batches ({asked}), of which the figures are"


def limiting_key(section: TrainerConfig, part: str) -> str:
    """Gives the key that limits a part, ``train``, ``val`` or ``test``, with its value."""
    first = ("overfit_batches", "fast_dev_run") if part != "test" else ("fast_dev_run",)
    key = next((name for name in first if getattr(section, name)), f"limit_{part}_batches")
    value = getattr(section, key)
    return f"trainer.{key}={str(value).lower()}"


def restore_tested(trainer: pl.Trainer, prepared: Prepared, folder: RunFolder) -> dict[str, Any]:
    """Loads the weights that are tested: the best ones, or where nothing could choose them the last ones.

    Returns:
        The block ``checkpoint`` of results.json.

    Raises:
        RunFailed: The measure that chooses was never defined.
    """
    module, section = prepared.module, prepared.experiment.fitting
    if not prepared.length.validates_all:
        return restore_last(module, folder)
    timed = not isinstance(section.val_check_interval, int | float | None)
    if timed and not (folder.checkpoints / "best.ckpt").is_file():
        asked = f"trainer.val_check_interval={duration(section.val_check_interval)}"
        prepared.datamodule.add_notes(
            [f"training ended before the first validation ({asked}), which chose neither a checkpoint nor a threshold"]
        )
        return restore_last(module, folder)
    return restore_best(trainer, module, folder)


def with_tested_images(prepared: Prepared) -> ImageDataModule:
    """The data whose test is that of the training: with its first test images alone, where not all are asked for."""
    datamodule, length = prepared.datamodule, prepared.length
    if not length.tests_all:
        datamodule.keep_first("test", length.seen.test * datamodule.loader.eval_batch_size)
    return datamodule
