"""Ends a bad trial of a search early: tells the study every value of ``monitor`` and asks its pruner."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback

from segexp.errors import Pruned
from segexp.runs.console import LOG
from segexp.system.optuna_storage import make_pruner, open_storage, storage_url

if TYPE_CHECKING:
    from optuna import Trial


class Pruning(Callback):
    """Reports after each validation; a study that cannot be reached ends no training."""

    def __init__(self, trial: Mapping[str, Any], sweep: Path, monitor: str) -> None:
        """Takes what the search has written down for the job.

        Args:
            trial: ``study``, ``storage``, ``number``, and the settings of the pruner, see
                :func:`segexp.system.optuna_storage.make_pruner`.
            sweep: Folder of the search.
            monitor: Measure of the validation images.
        """
        self._facts = trial
        self._sweep = sweep
        self._monitor = monitor
        self._trial: Trial | None = None
        self._reached = True
        self.reason = ""

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends training after this epoch if the pruner says so; the last epoch is only told."""
        if trainer.sanity_checking:
            return
        epochs = trainer.current_epoch + 1
        value = trainer.callback_metrics.get(self._monitor)
        bad = trainer.is_global_zero and value is not None and self._report(epochs, float(value))
        over = trainer.should_stop or 0 < (trainer.max_epochs or 0) <= epochs
        if trainer.strategy.broadcast(bad) and not over:
            self.reason = (
                f"pruned after epoch {epochs} by the {self._facts['pruner']} pruner: {self._monitor} {value:.4f}"
            )
            trainer.should_stop = True

    def _report(self, epochs: int, value: float) -> bool:
        """Tells the study; whether the trial should end."""
        if not self._reached or not math.isfinite(value):
            return False
        try:
            self._trial = self._trial or self._open()
            # Of epochs that are trained once more after a kill, the first value stands.
            if epochs not in self._trial.study.trials[self._trial.number].intermediate_values:
                self._trial.report(value, epochs)
            return self._trial.should_prune()
        except Exception as error:  # a locked file, a server that is gone, a trial that was ended by hand
            self._reached = False
            LOG.warning(f"the study cannot be told of this trial, which is not pruned: {type(error).__name__}: {error}")
            return False

    def _open(self) -> "Trial":
        import optuna

        study = optuna.load_study(
            study_name=self._facts["study"],
            storage=open_storage(storage_url(self._facts["storage"], self._sweep)),
            sampler=optuna.samplers.RandomSampler(),  # draws nothing here, and is made in no time
            pruner=make_pruner(self._facts),
        )
        # A trial of another process is opened by the number that its storage has for it, as Optuna itself does.
        return optuna.Trial(study, study.trials[self._facts["number"]]._trial_id)


def end_if_pruned(trainer: pl.Trainer) -> None:
    """After fitting: what is left of the run is not worth a test.

    Raises:
        Pruned: The search has ended the trial.
    """
    for callback in trainer.callbacks:  # type: ignore[attr-defined] # Trainer sets it
        if isinstance(callback, Pruning) and callback.reason:
            raise Pruned(callback.reason)
