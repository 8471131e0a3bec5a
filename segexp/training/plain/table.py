"""metrics.csv of a LightningModule that logs under names of its own."""

import time
from collections.abc import Mapping
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from torch import Tensor

from segexp.training.loggers.epoch_table import STEP_ENDING, EpochTable


class LoggedTable(EpochTable):
    """One row per epoch of whatever is logged: of a figure logged at steps its last value."""

    def finish_row(self, epoch: int, metrics: Mapping[str, float], seconds: float) -> None:
        """Writes the row of an epoch, and its line.

        Args:
            epoch: From 0.
            metrics: What this epoch has logged.
            seconds: Of the epoch.
        """
        new = {key: value for key, value in metrics.items() if not key.endswith(STEP_ENDING)}
        row = self._merge({**new, "seconds": seconds, "epoch": epoch})
        self._write()
        self.say_epoch(row)

    def keep(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Nothing: :meth:`finish_row` has written the row."""

    def shown(self, row: Mapping[str, float]) -> list[str]:
        """Names in the line of an epoch: losses and the monitor."""
        losses = [name for name in row if "loss" in name.lower() and not name.endswith(STEP_ENDING)]
        return list(dict.fromkeys([*losses, self._monitor]))[:4]


class CloseRows(Callback):
    """Closes the row of each epoch before its checkpoint is written.

    On every rank: what is logged for all of them is put together where it is read.
    """

    def __init__(self, table: LoggedTable | None) -> None:
        """Takes the table; None: another rank has it."""
        self._table = table
        self._start = 0.0
        self._before: dict[str, Tensor] = {}

    def on_train_epoch_start(self, trainer: pl.Trainer, *_: Any) -> None:
        """Starts the clock, and notes what earlier epochs have left."""
        self._before = dict(trainer.callback_metrics)
        self._start = time.perf_counter()

    def on_train_epoch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Hands the table what was logged since the start of the epoch.

        Lightning keeps figures of earlier epochs, of validations say, and puts a new tensor in place of each that is
        logged anew, whatever its value.
        """
        new = {name: value for name, value in trainer.callback_metrics.items() if self._before.get(name) is not value}
        logged = {name: float(value) for name, value in new.items() if value.numel() == 1}
        if self._table is not None:
            self._table.finish_row(trainer.current_epoch, logged, time.perf_counter() - self._start)
