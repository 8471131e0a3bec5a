"""Callbacks, data and models that runs of the tests name by ``_target_``."""

import os
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
import yaml
from lightning.pytorch.callbacks import Callback
from torch import Tensor, nn
from torch.utils.data import get_worker_info

from segexp.data import reading
from segexp.data.base import Items
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.item import Item
from segexp.errors import DataError


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


class StopAtBatch(Callback):
    """Ctrl-C, or an error, after a batch of an epoch."""

    def __init__(self, epoch: int, batch: int, error: bool = False) -> None:
        self.epoch = epoch
        self.batch = batch
        self.error = error

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if (trainer.current_epoch, trainer.fit_loop.batch_idx) == (self.epoch, self.batch):
            raise RuntimeError("the disk caught fire") if self.error else KeyboardInterrupt


class Terminate(Callback):
    """SIGTERM to the own process, after the first batch of an epoch."""

    def __init__(self, epoch: int) -> None:
        self.epoch = epoch

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.current_epoch == self.epoch:
            os.kill(os.getpid(), signal.SIGTERM)


class FailOnRank(Callback):
    """An error on one rank, after the first batch of an epoch."""

    def __init__(self, rank: int, epoch: int, killed: bool = False) -> None:
        self.rank = rank
        self.epoch = epoch
        self.killed = killed

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if (trainer.global_rank, trainer.current_epoch) == (self.rank, self.epoch):
            if self.killed:
                os.kill(os.getpid(), signal.SIGKILL)
            raise RuntimeError("the disk caught fire")


class NanWeights(Callback):
    """Spoils the weights before a validation."""

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        with torch.no_grad():
            next(pl_module.parameters()).fill_(torch.nan)


class NotFinite(Callback):
    """Lets the loss of some steps, counted from 0, be nan, or its gradient alone."""

    def __init__(self, steps: list[int], how: str = "loss") -> None:
        self.steps = steps
        self.how = how

    def on_train_batch_start(self, trainer: pl.Trainer, pl_module: Any, *_: Any) -> None:
        pl_module.__dict__.pop("loss_terms", None)
        if trainer.global_step in self.steps:
            own = pl_module.loss_terms
            pl_module.loss_terms = lambda outputs, target: self._spoiled(own(outputs, target), outputs)

    def on_validation_start(self, trainer: pl.Trainer, pl_module: Any) -> None:
        pl_module.__dict__.pop("loss_terms", None)

    def _spoiled(self, terms: dict[str, Tensor], outputs: Tensor) -> dict[str, Tensor]:
        if self.how == "loss":
            return {**terms, "total": terms["total"] * torch.nan}
        return {**terms, "total": terms["total"] + (outputs - outputs.detach()).abs().sum().sqrt()}


class StopInTest(Callback):
    """Ctrl-C when fitting is over."""

    def on_fit_end(self, *_: Any) -> None:
        raise KeyboardInterrupt


class FailAtTheEnd(Callback):
    """An error when fitting is over."""

    def on_fit_end(self, *_: Any) -> None:
        raise RuntimeError("late")


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
            "test": [Item(item.name, item.image, np.ascontiguousarray(item.target[::-1])) for item in items["test"]],
        }


class NoForegroundInVal(SyntheticDataModule):
    """Validation images without a vessel."""

    def read(self) -> Items:
        items = super().read()
        return {**items, "val": [Item(item.name, item.image, np.zeros_like(item.target)) for item in items["val"]]}


class Failing(Item):
    """An item that fails where a sample is made, not where all images are looked at before."""

    def __init__(self, item: Item, how: str, in_worker: bool) -> None:
        super().__init__(item.name, item.image, item.target)
        self.how = how
        self.in_worker = in_worker

    @property
    def image(self) -> Any:
        if (get_worker_info() is not None) == self.in_worker and _called_by("__getitem__"):
            if self.how == "killed":
                os.kill(os.getpid(), signal.SIGKILL)
            if self.how == "slow":
                time.sleep(1.0)
                return super().image
            errors = {
                "data": DataError(f"photos/{self.name}.png: cannot be read as an image (3 bytes; truncated)"),
                "bug": ValueError("operands could not\nbe broadcast"),
                "memory": MemoryError(),
            }
            raise errors[self.how]
        return super().image


def _called_by(function: str) -> bool:
    frame = sys._getframe()
    while frame.f_back is not None:
        frame = frame.f_back
        if frame.f_code.co_name == function:
            return True
    return False


class FailingImage(SyntheticDataModule):
    """One validation image cannot be read once training has begun."""

    def __init__(self, how: str = "data", **shared: Any) -> None:
        super().__init__(**shared)
        self.how = how

    def read(self) -> Items:
        items = super().read()
        in_worker = bool(self.loader.num_workers)
        return {**items, "val": [items["val"][0], *(Failing(i, self.how, in_worker) for i in items["val"][1:])]}


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
