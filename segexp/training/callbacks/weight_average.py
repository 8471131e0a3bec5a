"""Averages the weights over the steps of a training, for validation, test and checkpoint."""

from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import EMAWeightAveraging
from torch import nn

from segexp.types import Decay


class WeightAverage(EMAWeightAveraging):
    """Exponential moving average of the weights: each step it moves by (1 - decay) towards the weights.

    Buffers that no checkpoint holds (mean and deviation of the images, weights of the classes) are constants, which
    Lightning averages with the rest: rounding moves them a little at each step, so that validations would see other
    images than a run that goes on from a checkpoint. They stay as they are.
    """

    def __init__(self, decay: Decay, **keys: Any) -> None:
        """Takes the decay, and the keys of Lightning's callback."""
        super().__init__(decay=decay, **keys)

    @property
    def state_key(self) -> str:
        """Key of Lightning's own callback, whose state checkpoints of version 0.1 hold."""
        return "EMAWeightAveraging"

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any) -> None:
        """Moves the average; constants stay."""
        super().on_train_batch_end(trainer, pl_module, *batch)
        self._keep_constants(pl_module)

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Moves the average, where it is moved by epochs; constants stay."""
        super().on_train_epoch_end(trainer, pl_module)
        self._keep_constants(pl_module)

    def _keep_constants(self, module: nn.Module) -> None:
        if self._average_model is None:
            return
        for name, part in module.named_modules():
            averaged = self._average_model.module.get_submodule(name)
            for constant in part._non_persistent_buffers_set:
                if (value := part._buffers[constant]) is not None:
                    averaged.get_buffer(constant).copy_(value)
