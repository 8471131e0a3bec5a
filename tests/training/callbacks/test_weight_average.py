"""The average of the weights, alone: what it averages and what it leaves."""

from types import SimpleNamespace
from typing import Any

import lightning.pytorch as pl
import torch

from segexp.training.callbacks.weight_average import WeightAverage


class Scaled(pl.LightningModule):
    """A weight, and a scale that no checkpoint holds."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        self.register_buffer("scale", torch.linspace(0.01, 200, 500), persistent=False)
        self.register_buffer("nothing", None, persistent=False)


def test_constants_stay_to_the_last_digit() -> None:
    """They moved by rounding: a run that goes on from a checkpoint, which does not hold them, was another one."""
    module, average = Scaled(), WeightAverage(decay=0.99)
    trainer: Any = SimpleNamespace(global_step=0, current_epoch=0)
    average.setup(trainer, module, "fit")
    for step in range(300):
        module.weight.data += 1
        trainer.global_step = step + 1
        average.on_train_batch_end(trainer, module, None, None, step)
    held = average._average_model
    assert held is not None
    assert 0 < held.module.weight.item() < module.weight.item() == 300
    assert torch.equal(held.module.scale, torch.linspace(0.01, 200, 500))
