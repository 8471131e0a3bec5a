"""Tasks in a Trainer of the user's own: loaders of any kind, figures of the test, prediction, checkpoints by path."""

from collections.abc import Collection, Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any, Self

import lightning.pytorch as pl
import torch
from torch import Tensor

from segexp.data.sampling.batches import rank_of
from segexp.data.sampling.samples import Batch
from segexp.errors import DataError, MismatchError


class Standalone(pl.LightningModule):
    """A LightningModule that asks nothing of the Trainer, the loaders and the program around it.

    Attributes:
        logs_test: Whether ``Trainer.test`` logs the figures of the test images; segexp's own test writes them itself.
    """

    logs_test = True
    _optimizer: Any
    _numbered = 0

    def taken(self, batch: Any) -> Batch:
        """Takes a batch of any loader: ``(image, target)``, an image alone, or a dict without numbers of the images."""
        found = numbered_batch(batch, self._numbered)
        self._numbered += len(found["image"])
        return found

    def on_predict_epoch_start(self) -> None:
        """Numbers the images from 0."""
        self._numbered = 0

    @property
    def lr(self) -> float:
        """Learning rate of the optimiser, for Lightning's learning-rate finder, which sets it.

        Raises:
            AttributeError: The optimiser is made by a function without ``lr``.
        """
        if not isinstance(self._optimizer, partial) or "lr" not in self._optimizer.keywords:
            raise AttributeError("the optimiser is made by a function without a keyword lr")
        return float(self._optimizer.keywords["lr"])

    @lr.setter
    def lr(self, value: float) -> None:
        self._optimizer = partial(self._optimizer, lr=value)

    @classmethod
    def load_from_checkpoint(  # type: ignore[override] # what Lightning asks for beside the path stands in the file
        cls, checkpoint_path: str | Path, map_location: str = "cpu", *, trust: Collection[str] = ()
    ) -> Self:
        """Builds the task of a checkpoint of a run for use: in evaluation mode, without a loss.

        Args:
            checkpoint_path: ``best.ckpt`` or ``last.ckpt`` of a run, or the run folder.
            map_location: Device of the weights.
            trust: Packages beside segexp's own whose classes the file may name.

        Raises:
            DataError: It is no checkpoint of segexp.
            StoredError: It asks for more than data may.
            MismatchError: It is of another task.
        """
        # By name: what reads stored runs lies above the tasks, and nothing here is made of it.
        load = import_module("segexp.inference.members").load_members
        (member,) = load(checkpoint_path, "best", map_location, trust)
        if not isinstance(member.module, cls):
            raise MismatchError(f"{checkpoint_path}: holds a {type(member.module).__name__}, expected {cls.__name__}")
        return member.module


def numbered_batch(batch: Any, first: int) -> Batch:
    """Gives a batch in the form that tasks take.

    Args:
        batch: A dict with ``image`` and maybe ``target`` and ``index``; ``(image, target)``; or the image.
        first: Number of the first image, on this rank, where the batch has none.

    Raises:
        DataError: It is something else.
    """
    if isinstance(batch, Mapping) and "image" in batch:
        found = Batch(batch)
    elif isinstance(batch, Tensor):
        found = Batch(image=batch)
    elif isinstance(batch, list | tuple) and 0 < len(batch) < 3 and isinstance(batch[0], Tensor):
        found = Batch(zip(("image", "target"), batch, strict=False))
    else:
        raise DataError(
            f"a loader gives a batch that is a {type(batch).__name__}; expected (image, target), or a dict with image "
            "(B, C, H, W) and target"
        )
    if "index" not in found:
        rank, ranks = rank_of()
        found["index"] = torch.arange(first, first + len(found["image"])) * ranks + rank
    return found
