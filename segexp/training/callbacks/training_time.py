"""Seconds of training, over all the times that a run was gone on with."""

import time
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback


class TrainingTime(Callback):
    """Keeps the seconds of training in each checkpoint, so that those of a run that goes on add up."""

    def __init__(self) -> None:
        self._earlier = 0.0
        self._start = time.perf_counter()

    @property
    def earlier(self) -> float:
        """Seconds that were trained for before the checkpoint that training went on from was written."""
        return self._earlier

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Starts the clock."""
        self._start = time.perf_counter()

    def state_dict(self) -> dict[str, Any]:
        """Seconds so far."""
        return {"seconds": self._earlier + time.perf_counter() - self._start}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on counting."""
        self._earlier = float(state_dict["seconds"])


def trained_before(trainer: pl.Trainer) -> float:
    """Seconds of training before the one that a trainer has just done."""
    found = (each for each in trainer.callbacks if isinstance(each, TrainingTime))  # type: ignore[attr-defined] # Trainer sets it
    return next((each.earlier for each in found), 0.0)
