"""Validations and tests of several loaders: how their figures are called, and whether one of them is seen whole."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.data import sized_len
from lightning.pytorch.utilities import CombinedLoader

from segexp.errors import DataError


def flat_loaders(loaders: Any) -> list[Any]:
    """Gives the loaders of a validation or test in order, of a list, a dict, a CombinedLoader or a single one.

    Raises:
        DataError: They are read side by side: a batch would be of several of them.
    """
    if isinstance(loaders, CombinedLoader) and loaders._mode != "sequential":
        raise DataError(
            f"datamodule: found a CombinedLoader(..., {loaders._mode!r}) of several, expected one after the other: "
            "give them as a list or a dict, or with mode='sequential'"
        )
    return list(CombinedLoader(loaders).flattened)


def named_by_loader(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Gives the figures of each loader the names that Lightning gives them, ``<name>/dataloader_idx_<number>``.

    Those of the first have their plain names too, by which checkpoints are chosen.

    Args:
        found: Figures of each loader by name; of a single one they are given as they are.
    """
    if len(found) == 1:
        return dict(found[0])
    numbered = {
        f"{name}/dataloader_idx_{number}": value for number, each in enumerate(found) for name, value in each.items()
    }
    return {**(found[0] if found else {}), **numbered}


def validates_whole(trainer: pl.Trainer, number: int) -> bool:
    """Tells whether the validation that runs sees all batches of a loader; a sanity check sees none whole.

    Args:
        trainer: That validates.
        number: Of the loader.
    """
    seen, there = trainer.num_val_batches[number], sized_len(flat_loaders(trainer.val_dataloaders)[number])
    return not trainer.sanity_checking and (seen == there if there is not None else math.isinf(seen))
