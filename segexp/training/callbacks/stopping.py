"""Ends training early, by the clock or by a measure, also when a run goes on."""

from typing import Any, Literal

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, EarlyStopping, Timer

from segexp.errors import ConfigError
from segexp.types import PositiveInt


class Clock(Timer):
    """Ends training by the clock. It starts anew when a run goes on: else nothing could be trained once it is up."""

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint: that of Lightning's own callback, which checkpoints of version 0.1 hold."""
        return "Timer"

    def state_dict(self) -> dict[str, Any]:
        """Nothing: time is counted for each command."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes nothing over."""


class Over(Callback):
    """Lets a training that has ended end at once: its run goes on with the test."""

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends training before it begins."""
        trainer.should_stop = True


class Stopping(EarlyStopping):
    """Early stopping that is still in force when a run goes on that had stopped, and was killed during its test."""

    def __init__(
        self,
        patience: PositiveInt,
        min_delta: float = 0.0,
        monitor: str | None = None,
        mode: Literal["min", "max"] | None = None,
    ) -> None:
        """Stops after ``patience`` validations without gain, and when the measure is nan.

        Args:
            patience: Validations.
            min_delta: Smaller changes are no gain.
            monitor: The measure, as it is logged; in a config null stands for the ``monitor`` of the training.
            mode: Whether lower or higher is better; in a config null stands for the direction of the measure.

        Raises:
            ConfigError: No measure or direction is given, as where it is built by hand.
        """
        if monitor is None or mode is None:
            raise ConfigError("early stopping: found no monitor or no mode; give both, such as val/loss and min")
        super().__init__(monitor, min_delta, patience, mode=mode, check_finite=True)
        self._over = False

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over everything but the patience: another one may be asked for now."""
        super().load_state_dict({**state_dict, "patience": self.patience})
        self._over = self.stopped_epoch > 0 and state_dict["patience"] == self.patience

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends training before it begins where it had ended already."""
        trainer.should_stop = trainer.should_stop or self._over
