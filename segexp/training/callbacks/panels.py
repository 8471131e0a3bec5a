"""Pictures of the same validation images at chosen epochs."""

import sys
from collections.abc import Container, Sequence
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback

from segexp.data.base import ImageDataModule
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_kinds import test_of
from segexp.runs.console import LOG
from segexp.system.causes import reason_of
from segexp.tasks.base import BaseTask
from segexp.training.loggers.tracking import tell

TIMES = 5
"""How often pictures are drawn where nothing else was asked for."""
EVERY = 10
"""Epochs between them then, where nobody knows how many there will be."""


UNTRAINED = -1
"""Stands for the time before the first epoch."""


def panel_epochs(
    setting: int | Sequence[int | Literal["untrained"]] | Literal["auto"], epochs: int | None, *, logged: bool
) -> Container[int]:
    """Epochs, from 0, after whose validation pictures are drawn; -1 for ``untrained``, before the first.

    Args:
        setting: The key ``panel_epochs``.
        epochs: Planned number of epochs; None: nobody knows.
        logged: Whether a logger beside metrics.csv shows them.
    """
    if setting == "auto":
        setting = (EVERY if epochs is None else max(1, epochs // TIMES)) if logged else 0
    if isinstance(setting, int) and epochs is None:
        return range(setting - 1, sys.maxsize, setting) if setting else ()
    if isinstance(setting, int):
        return set(range(setting - 1, epochs or 0, setting)) if setting else set()
    return {UNTRAINED if epoch == "untrained" else int(epoch) for epoch in setting}


class ValidationPanels(Callback):
    """Draws the same validation images at chosen epochs, on disk and in every logger that shows pictures.

    Drawn while the weights that are judged are in force (averaged ones too), at probability 0.5, as the validation
    figures are; so it stands before all other callbacks.
    """

    def __init__(self, folder: Path, epochs: Container[int], count: int) -> None:
        """Sets what is drawn.

        Args:
            folder: Where the PNG files go.
            epochs: From 0.
            count: Number of images, spread evenly over the validation images.
        """
        self._folder = folder
        self._epochs = epochs
        self._count = count

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws what the untrained network gives, where that was asked for; a resumed run has none."""
        if UNTRAINED not in self._epochs or trainer.global_step > 0:
            return
        modes = [(part, part.training) for part in pl_module.modules()]
        pl_module.eval()
        with torch.no_grad():
            self._draw(trainer, pl_module, UNTRAINED)
        for part, training in modes:
            part.training = training

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws at the epochs asked for; a sanity check before training is of none."""
        if not trainer.sanity_checking and trainer.current_epoch in self._epochs:
            self._draw(trainer, pl_module, trainer.current_epoch)

    def _draw(self, trainer: pl.Trainer, module: pl.LightningModule, epoch: int) -> None:
        """Draws, on the first process only."""
        datamodule = trainer.datamodule  # type: ignore[attr-defined] # Trainer sets it
        if (
            not trainer.is_global_zero
            or not isinstance(module, BaseTask)
            or not isinstance(datamodule, ImageDataModule)
        ):
            return
        try:
            pictures = self._drawn(module, datamodule, epoch)
        except Exception as error:  # pictures must not end a training
            when = "before training" if epoch == UNTRAINED else f"after epoch {epoch + 1}"
            LOG.warning(f"no pictures of validation images {when} ({reason_of(error)})")
            return
        tell(trainer.loggers, lambda logger: logger.show("panels/val", pictures, trainer.global_step))

    def _drawn(self, module: BaseTask, datamodule: ImageDataModule, epoch: int) -> Sequence[Picture]:
        items = datamodule.items("val")
        chosen = np.unique(np.linspace(0, len(items) - 1, min(self._count, len(items))).round().astype(int))
        pictures = test_of(module).validation_pictures(module, [items[int(index)] for index in chosen])
        time = "untrained" if epoch == UNTRAINED else f"epoch_{epoch:04d}"
        for picture in pictures:
            picture.save(self._folder / f"{time}_{picture.stem}.png")
        return pictures
