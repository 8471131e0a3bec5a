"""Callbacks, data and models that runs of the tests name by ``_target_``."""

import os
import threading
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn

from segexp.data import reading
from segexp.data.base import Items
from segexp.data.items import Item
from segexp.data.synthetic import SyntheticDataModule


class Spoil(Callback):
    """Makes the weights useless before the validation of one epoch and of all later ones."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_validation_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        if trainer.current_epoch >= self.epoch:
            with torch.no_grad():
                for parameter in pl_module.parameters():
                    parameter.fill_(3.0 + trainer.current_epoch)


class Stop(Callback):
    """Ctrl-C, or an error, after the first batch of an epoch."""

    def __init__(self, epoch: int, error: bool = False) -> None:
        self.epoch = epoch
        self.error = error

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            raise RuntimeError("the disk caught fire") if self.error else KeyboardInterrupt


class StopInTest(Callback):
    """Ctrl-C when fitting is over."""

    def on_fit_end(self, *_: Any) -> None:
        raise KeyboardInterrupt


class Dropping(nn.Module):
    """Draws random numbers of torch in training."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_channels, 4, 3, padding=1), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Conv2d(4, out_channels, 1)
        )

    def forward(self, image: Tensor) -> Tensor:
        logits: Tensor = self.layers(image)
        return logits


class SameTestAsVal(SyntheticDataModule):
    """Tests on the validation images."""

    def read(self) -> Items:
        items = super().read()
        return {**items, "test": items["val"]}


class OtherTestMasks(SyntheticDataModule):
    """Test masks turned upside down."""

    def read(self) -> Items:
        items = super().read()
        return {
            **items,
            "test": [Item(item.name, item.image, np.ascontiguousarray(item.mask[::-1])) for item in items["test"]],
        }


class NoForegroundInVal(SyntheticDataModule):
    """Validation images without a vessel."""

    def read(self) -> Items:
        items = super().read()
        return {**items, "val": [Item(item.name, item.image, np.zeros_like(item.mask)) for item in items["val"]]}


class TwoCities(SyntheticDataModule):
    """Test images of two groups in turn."""

    def read(self) -> Items:
        items = super().read()
        for number, item in enumerate(items["test"]):
            item.group = ("north", "south")[number % 2]
        return items


class Seen(Callback):
    """Writes down what a job of a sweep was given."""

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        place = Path(str(trainer.checkpoint_callback.dirpath)).parent  # type: ignore[union-attr]
        seen = {
            "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
            "cores": os.environ.get("SEGEXP_CORES"),
            "read": "taken over" if reading._KEPT else "by itself",
        }
        (place / "seen.yaml").write_text(yaml.safe_dump(seen))


class FailWithoutFile(Callback):
    """Ends jobs of seed 0 with an error in their second epoch, unless there is a file named ``file``."""

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        seed = pl_module._record["config"]["seed"]  # type: ignore[operator, index]
        if trainer.current_epoch == 1 and seed == 0 and not Path("file").exists():
            raise RuntimeError("no file")


class ThreadsWhileReading(SyntheticDataModule):
    """Leaves a thread behind."""

    def read(self) -> Items:
        threading.Thread(target=threading.Event().wait, daemon=True).start()
        return super().read()
