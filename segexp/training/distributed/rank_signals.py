"""Signals that reach one rank of a training: a shutdown, or SLURM, sends SIGTERM to each process by itself."""

import signal

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from segexp.system.signals import take_again


class OwnSigterm(Callback):
    """Ends a rank by SIGTERM as by any other signal.

    Lightning's handler asks the other ranks from within the handler, wherever each of them is: they wait for each other
    without an end. Here the rank ends in order, and the others, whose connection is lost, end with it.
    """

    def on_sanity_check_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes the signal from Lightning, which has just taken it."""
        self._take(trainer)

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Takes it where there was no sanity check."""
        self._take(trainer)

    def _take(self, trainer: pl.Trainer) -> None:
        if trainer.world_size > 1:
            take_again(signal.SIGTERM)
