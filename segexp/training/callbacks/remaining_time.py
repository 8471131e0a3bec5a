"""Says soon after the start how long a training will last; later on the lines of the epochs do."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from segexp.data.base import ImageDataModule
from segexp.runs.console import LOG
from segexp.training.estimate.duration import SHOWN_FROM, TimeEstimate
from segexp.training.run_length import RunLength
from segexp.windows.settings import Inference

FIRST = 3
"""Steps that are not measured: they take memory, and choose algorithms."""
SECONDS = 10.0
"""How long steps are measured."""
FORWARD = 1 / 3
"""Share of a step that a forward pass of as many pixels takes: a backward pass is two of them."""


class RemainingTime(Callback):
    """Measures the first steps for some seconds, then says once when training will end."""

    def __init__(self, length: RunLength, inference: Inference) -> None:
        """Keeps what is planned.

        Args:
            length: Of the training.
            inference: How images of validation are seen.
        """
        self._length = length
        self._inference = inference
        self._steps = 0
        self._begin = 0.0
        self._done = False

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *_: Any) -> None:
        """Counts a step; says what was found once, where there is more than a minute to come."""
        if self._done:
            return
        self._steps += 1
        now = time.perf_counter()
        if self._steps <= FIRST:
            self._begin = now
        passed = now - self._begin
        if self._steps <= FIRST or passed < SECONDS:
            return
        self._done = True
        found = self._estimate(trainer, passed / (self._steps - FIRST))
        if trainer.is_global_zero and found.whole is not None and found.whole > SHOWN_FROM:
            LOG.info(f"time        {found.described()}")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Leaves it to the line of the epoch."""
        self._done = True

    def _estimate(self, trainer: pl.Trainer, step: float) -> TimeEstimate:
        length, data = self._length, trainer.datamodule  # type: ignore[attr-defined] # Trainer sets it
        epochs = None if length.epochs is None else length.epochs - trainer.current_epoch
        every = trainer.check_val_every_n_epoch or 1
        seconds = {part: step * FORWARD * self._shares(data, part) for part in ("val", "test")}
        return TimeEstimate(
            step, length.seen.train, seconds["val"], 1 / every, epochs, seconds["test"], self._steps - FIRST
        )

    def _shares(self, data: Any, part: Any) -> float:
        """Pixels of a part of the data over those of a training batch."""
        if not isinstance(data, ImageDataModule):
            return 0.0
        images, train = data.items(part), data.items("train")[0].shape
        height, width = (data.crop_size, data.crop_size) if data.crop_size else train
        pixels = sum(self._inference.seen_pixels(*item.shape) for item in images)
        return float(pixels / (data.loader.batch_size * height * width))
