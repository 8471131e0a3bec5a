"""Pictures of the same validation images at chosen epochs."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import lightning.pytorch as pl
import numpy as np
from lightning.pytorch.callbacks import Callback

from segexp.data.base import ImageDataModule
from segexp.errors import one_line
from segexp.evaluation.pictures import Picture
from segexp.evaluation.test_kinds import test_of
from segexp.runs.console import LOG
from segexp.tasks.base import BaseTask
from segexp.training.loggers.tracking import tell

TIMES = 5
"""How often pictures are drawn where nothing else was asked for."""


def panel_epochs(setting: int | Sequence[int] | Literal["auto"], epochs: int, *, logged: bool) -> set[int]:
    """Epochs, from 0, after whose validation pictures are drawn.

    Args:
        setting: The key ``panel_epochs``.
        epochs: Planned number of epochs.
        logged: Whether a logger beside metrics.csv shows them.
    """
    if setting == "auto":
        setting = max(1, epochs // TIMES) if logged else 0
    if isinstance(setting, int):
        return set(range(setting - 1, epochs, setting)) if setting else set()
    return {int(epoch) for epoch in setting}


class ValidationPanels(Callback):
    """Draws the same validation images at chosen epochs, on disk and in every logger that shows pictures.

    Drawn while the weights that are judged are in force (averaged ones too), at probability 0.5, as the validation
    figures are; so it stands before all other callbacks.
    """

    def __init__(self, folder: Path, epochs: set[int], count: int) -> None:
        """Sets what is drawn.

        Args:
            folder: Where the PNG files go.
            epochs: From 0.
            count: Number of images, spread evenly over the validation images.
        """
        self._folder = folder
        self._epochs = epochs
        self._count = count

    def on_validation_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Draws, on the first process only."""
        if trainer.current_epoch not in self._epochs or not trainer.is_global_zero:
            return
        module, datamodule = pl_module, trainer.datamodule  # type: ignore[attr-defined] # Trainer sets it
        if not isinstance(module, BaseTask) or not isinstance(datamodule, ImageDataModule):
            return
        try:
            pictures = self._drawn(module, datamodule, trainer.current_epoch)
        except Exception as error:  # pictures must not end a training
            LOG.warning(f"no pictures of validation images after epoch {trainer.current_epoch + 1} ({one_line(error)})")
            return
        tell(trainer.loggers, lambda logger: logger.show("panels/val", pictures, trainer.global_step))

    def _drawn(self, module: BaseTask, datamodule: ImageDataModule, epoch: int) -> Sequence[Picture]:
        items = datamodule.items("val")
        chosen = np.unique(np.linspace(0, len(items) - 1, min(self._count, len(items))).round().astype(int))
        pictures = test_of(module).validation_pictures(module, [items[int(index)] for index in chosen])
        for picture in pictures:
            picture.save(self._folder / f"epoch_{epoch:04d}_{picture.stem}.png")
        return pictures
