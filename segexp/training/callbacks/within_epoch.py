"""last.ckpt within an epoch: when it is written, and how a training goes on with the next batch."""

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback, GradientAccumulationScheduler, ProgressBar

from segexp.config.trainer import checkpoint_interval
from segexp.data.settings import DataSettings
from segexp.runs.console import LOG
from segexp.tasks.distributed import all_objects
from segexp.training.callbacks.epoch_state import epoch_state, take_epoch_state
from segexp.training.callbacks.random_state import random_states
from segexp.training.finetuning import Finetuning

KEY = "segexp.within_epoch"
"""Of the state in a checkpoint; one of the end of an epoch has none."""
COSTLY = 0.1
"""Share of the time of training from which on it is said what checkpoints cost."""


class WithinEpoch(Callback):
    """Writes last.ckpt within an epoch too, from which training goes on with the next batch, to the last digit.

    Lightning's ModelCheckpoint writes after a batch, before its validation and before its figures are logged, and knows
    nothing of the sums of the epoch's figures nor of gradients that wait for a step. Here it is written between two
    batches, with both. Which batches come next is a number, since data are drawn by (seed, epoch, sample).
    """

    def __init__(self, folder: Path, every: str | None = None) -> None:
        """Sets where and when.

        Args:
            folder: Of last.ckpt.
            every: As the key ``trainer.checkpoint_every``; None: never, and what an earlier run wrote is taken up.
        """
        self._path = folder / "last.ckpt"
        self._every = checkpoint_interval(every)
        self._states: list[Any] | None = None
        self._held: dict[str, Any] | None = None
        self._saving: dict[str, Any] | None = None
        self._costs = SaveCosts()
        self._saved_at, self._saved_step, self._last_batch, self._validation = 0.0, 0, 0.0, 0.0
        self._validation_start = 0.0

    @property
    def state_key(self) -> str:
        """Key of the state in a checkpoint."""
        return KEY

    def state_dict(self) -> dict[str, Any]:
        """Batch that comes next and what each rank has gathered; nothing for a checkpoint of another moment."""
        return {} if self._saving is None else self._saving

    # ---- writing

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock: last.ckpt is that of the epoch before."""
        self._note_saved(trainer)

    def on_train_batch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule, *batch: Any) -> None:
        """Holds the random numbers where a checkpoint is due: what is done to the next batch may draw more."""
        step, self._last_batch = time.monotonic() - self._last_batch, time.monotonic()
        self._held = random_states() if self._every is not None and self._due(trainer, step) else None

    def on_validation_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Starts the clock of the validation."""
        self._validation_start = time.monotonic()

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Notes how long it took, and holds the random numbers again."""
        self._validation, self._last_batch = time.monotonic() - self._validation_start, time.monotonic()
        self._held = None if self._held is None else random_states()

    def on_train_batch_start(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, batch: Any, batch_idx: int
    ) -> None:
        """Writes the checkpoint of the moment before this batch, where it is due."""
        if self._held is None:
            return
        start = time.monotonic()
        self._saved_at, self._saved_step = start, trainer.global_step
        with between_batches(trainer):
            own = {**epoch_state(trainer, pl_module), "random": self._held}
            self._saving = {"batch": batch_idx, "ranks": all_objects(own)}
            try:
                trainer.save_checkpoint(self._path)
            finally:
                self._saving = self._held = None
        self._last_batch = time.monotonic()
        self._costs.add(self._last_batch - start)
        if trainer.is_global_zero:
            self._costs.tell(self._last_batch)

    def on_save_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Takes one off a counter of Lightning's that counts a batch twice where a validation follows it.

        Going on after such a batch, Lightning passes over the validation, and through the count of the batch again.
        """
        loop = trainer.fit_loop.epoch_loop
        fetcher = trainer.fit_loop._data_fetcher
        if self._saving is not None and fetcher is not None and not loop._should_accumulate():
            timed = trainer._val_check_time_interval is not None  # type: ignore[attr-defined] # Trainer sets it
            if not timed and loop._should_check_val_fx(fetcher):
                checkpoint["loops"]["fit_loop"]["epoch_loop.state_dict"]["_batches_that_stepped"] -= 1

    def _note_saved(self, trainer: pl.Trainer) -> None:
        self._saved_at = self._last_batch = time.monotonic()
        self._saved_step = trainer.global_step
        self._held = None
        self._costs.start(self._saved_at)

    def _due(self, trainer: pl.Trainer, step: float) -> bool:
        """Whether the checkpoint is to be written before the next batch, or what is lost at a kill would be more."""
        loop = trainer.fit_loop.epoch_loop
        if self._every is None or loop._num_ready_batches_reached():
            return False
        if getattr(trainer.lightning_module, "sharded", False) and loop._should_accumulate():
            return False  # gradients in parts are of no use to another number of ranks
        if self._every.steps is not None:
            return trainer.global_step - self._saved_step >= self._every.steps
        late = time.monotonic() - self._saved_at + step + self._costs.longest
        due = late + (self._validation if _validated_after_next(trainer) else 0.0) >= (self._every.seconds or 0.0)
        return bool(trainer.strategy.broadcast(due))  # one clock for all ranks

    # ---- going on

    def on_load_checkpoint(
        self, trainer: pl.Trainer, pl_module: pl.LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        """Lets the data begin with the batch that comes next.

        With ``max_steps`` Lightning would take the end of an epoch for a place within it, and end it a second time.
        """
        epoch, batch = position(checkpoint)
        if not batch:
            trainer.fit_loop._iteration_based_training = lambda: False  # type: ignore[method-assign]
        datamodule = trainer.datamodule  # type: ignore[attr-defined] # Trainer sets it
        if batch and isinstance(datamodule, DataSettings):
            datamodule.begin_at(epoch, batch)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Keeps what is put in place when training starts."""
        self._states = state_dict["ranks"]

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Puts the sums, gradients and random numbers in place, before the first batch."""
        self._note_saved(trainer)
        vars(trainer.fit_loop).pop("_iteration_based_training", None)
        if self._states is None:
            return
        for callback in trainer.callbacks:  # type: ignore[attr-defined] # Trainer sets it
            # Lightning tells nobody that an epoch starts which had begun; these set by it what no checkpoint holds.
            if isinstance(callback, ProgressBar | GradientAccumulationScheduler | Finetuning):
                callback.on_train_epoch_start(trainer, pl_module)
        take_epoch_state(trainer, pl_module, self._states)
        self._states = None


def position(checkpoint: Mapping[str, Any]) -> tuple[int, int]:
    """Epoch, from 0, and its batch that a training goes on with from a checkpoint."""
    within = checkpoint.get("callbacks", {}).get(KEY)
    epoch = int(checkpoint["epoch"])
    return (epoch + 1, 0) if within is None else (epoch, int(within["batch"]))


def _validated_after_next(trainer: pl.Trainer) -> bool:
    """Whether a validation may follow the next batch."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    batches = progress.total if trainer.check_val_every_n_epoch is None else progress.current
    every = trainer.val_check_batch
    return every is not None and (batches.ready + 1) % every == 0


@contextlib.contextmanager
def between_batches(trainer: pl.Trainer) -> Iterator[None]:
    """Lightning's counters as before the batch that was fetched, while inside."""
    progress = trainer.fit_loop.epoch_loop.batch_progress
    last = progress.is_last_batch
    progress.is_last_batch = False
    progress.total.ready -= 1
    progress.current.ready -= 1
    try:
        yield
    finally:
        progress.total.ready += 1
        progress.current.ready += 1
        progress.is_last_batch = last


class SaveCosts:
    """Time that checkpoints take of a training; it is said once when it is much.

    Attributes:
        longest: Seconds of the longest of them.
    """

    def __init__(self) -> None:
        self.longest = 0.0
        self._start: float | None = None
        self._sum, self._count, self._told = 0.0, 0, False

    def start(self, now: float) -> None:
        """Starts the clock of the training, once."""
        self._start = now if self._start is None else self._start

    def add(self, seconds: float) -> None:
        """Adds a checkpoint."""
        self.longest = max(self.longest, seconds)
        self._sum, self._count = self._sum + seconds, self._count + 1

    def tell(self, now: float) -> None:
        """Says it, after at least five checkpoints."""
        share = self._sum / max(now - (self._start or 0.0), 1e-9)
        if self._count < 5 or share < COSTLY or self._told:
            return
        self._told = True
        LOG.warning(
            f"trainer.checkpoint_every: a checkpoint takes {self._sum / self._count:.2g} s, {share:.0%} of the time of "
            "training; a longer interval costs less"
        )
