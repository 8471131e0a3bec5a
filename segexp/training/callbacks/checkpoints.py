"""best.ckpt and last.ckpt: written after each epoch, taken over by a run that goes on, and read back for the test."""

from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import ModelCheckpoint, StochasticWeightAveraging
from torch import nn

from segexp.data.sampling.batches import rank_of
from segexp.evaluation.outcome import RunFailed
from segexp.runs.archive import check_archive
from segexp.runs.console import LOG
from segexp.runs.files import replace_file
from segexp.runs.folder import RunFolder
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.loggers.tracking import tell_early

AVERAGED = "averaged.ckpt"
"""Weights that an average put in place when training ended, where nothing chose a checkpoint."""


class Best(ModelCheckpoint):
    """The best epoch; after a resume, the best of the earlier run still counts and its file comes along."""

    def __init__(self, folder: Path, resume: str | None, **settings: Any) -> None:
        """Keeps ``best.ckpt`` in ``folder``; settings as for Lightning's ModelCheckpoint."""
        super().__init__(folder, "best", enable_version_counter=False, **settings)
        self._earlier = None if resume is None else Path(resume).with_name("best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over score and file; Lightning by itself forgets the score when the folder is another."""
        if state_dict["best_model_score"] is None:
            return  # a checkpoint of before the first validation
        if self._earlier is None or not self._is_that_of(self._earlier, state_dict):
            LOG.warning("resume: no best.ckpt of the same run beside it; the best epoch is chosen from here on")
            return
        path = str(Path(str(self.dirpath)) / "best.ckpt")
        if rank_of()[0] == 0 and self._earlier.resolve() != Path(path).resolve():
            replace_file(Path(path), self._earlier.read_bytes())
        super().load_state_dict(
            state_dict
            | {
                "dirpath": self.dirpath,
                "best_model_path": path,
                "kth_best_model_path": path,
                "best_k_models": {path: state_dict["best_model_score"]},
                "last_model_path": "",
            }
        )
        # Lightning leaves it out, and the next checkpoint would lack what one of a run without a break has.
        self.current_score = state_dict.get("current_score")

    def on_train_epoch_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Lets an epoch without steps be judged as any other: averaged weights get their running statistics in it."""
        if trainer.fit_loop._skip_backward:
            self._last_global_step_saved = 0

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Judges weights that became the average of several epochs after the last validation, as an epoch of its own.

        Lightning's StochasticWeightAveraging puts the average in place when training ends; a network without batch
        norm is not validated any more.
        """
        if any(_averaged_at_the_end(callback, trainer) for callback in trainer.callbacks):  # type: ignore[attr-defined] # Trainer sets it
            trainer.validating = True
            trainer.fit_loop.epoch_loop.val_loop.run()
            trainer.training = True
            self._last_global_step_saved = 0
            self._save_topk_checkpoint(trainer, self._monitor_candidates(trainer))
            for table in (logger for logger in trainer.loggers if isinstance(logger, EpochTable)):
                table.close(trainer.current_epoch)
        super().on_train_end(trainer, pl_module)

    def _is_that_of(self, path: Path, state: dict[str, Any]) -> bool:
        """A kill between the two writes of an epoch leaves a best.ckpt that is newer than last.ckpt."""
        if not path.is_file():
            return False
        check_archive(path)
        stored = torch.load(path, map_location="cpu", weights_only=True)["callbacks"].get(self.state_key, {})
        return bool(stored.get("best_model_score") == state["best_model_score"])


def _averaged_at_the_end(callback: pl.Callback, trainer: pl.Trainer) -> bool:
    """Whether a callback has just put the mean of earlier weights in place, without a validation after it."""
    return (
        isinstance(callback, StochasticWeightAveraging)
        and bool(callback.n_averaged)
        and not callback._model_contains_batch_norm
        and (callback._max_epochs == -1 or trainer.current_epoch - 1 == callback.swa_end)
    )


class Last(ModelCheckpoint):
    """The state after every epoch, to go on from."""

    def __init__(self, folder: Path) -> None:
        """Keeps ``last.ckpt`` in ``folder``."""
        super().__init__(folder, "last", monitor=None, save_on_train_epoch_end=True, enable_version_counter=False)

    @property
    def state_key(self) -> str:
        """Key in the checkpoint; two plain ModelCheckpoints could share one."""
        return "segexp.last"

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Nothing comes along: the next epoch writes the file anew."""

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Saves, after the row of the epoch stands in metrics.csv."""
        for logger in trainer.loggers:
            if isinstance(logger, EpochTable):
                logger.keep(trainer.current_epoch, {k: float(v) for k, v in trainer.logged_metrics.items()})
        if trainer.loggers and trainer._results is not None:
            # Lightning counts one step less while it logs them.
            step = trainer.fit_loop.epoch_loop._batches_that_stepped - 1
            figures = {name: float(value) for name, value in trainer._results.metrics(on_step=False)["log"].items()}
            if "step" not in figures:  # which would stand for the number of steps
                tell_early(trainer.loggers, figures, trainer.current_epoch, step)
        super().on_train_epoch_end(trainer, pl_module)

    def on_train_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Keeps weights that became an average after the last epoch, where nothing chooses between them and others.

        Beside ``last.ckpt``, from which training goes on with the weights that its optimiser had moved.
        """
        chosen = any(isinstance(callback, Best) for callback in trainer.callbacks)  # type: ignore[attr-defined] # as below
        averaged = any(_averaged_at_the_end(callback, trainer) for callback in trainer.callbacks)  # type: ignore[attr-defined] # Trainer sets it
        if averaged and not chosen:
            trainer.save_checkpoint(Path(str(self.dirpath)) / AVERAGED, weights_only=True)
        super().on_train_end(trainer, pl_module)


def restore_best(trainer: pl.Trainer, module: pl.LightningModule, folder: RunFolder) -> dict[str, Any]:
    """Loads the weights and the threshold of the best epoch.

    Returns:
        Path, epoch (from 0), measure, direction and value, for results.json.

    Raises:
        RunFailed: There is no best epoch: the measure was never defined.
    """
    chooser = next(c for c in trainer.callbacks if isinstance(c, Best))  # type: ignore[attr-defined] # Trainer sets it
    # Lightning keeps infinity in place of a nan.
    if not chooser.best_model_path or chooser.best_model_score is None or not chooser.best_model_score.isfinite():
        raise RunFailed(
            f"no best checkpoint: {chooser.monitor} was never a number. "
            "Is its class absent from all validation images, or did training end before the first validation?"
        )
    checkpoint = torch.load(chooser.best_model_path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    module.on_load_checkpoint(checkpoint)
    return {
        "path": str(Path(chooser.best_model_path).relative_to(folder.path.resolve())),
        "epoch": int(checkpoint["epoch"]),
        "epochs_counted_from": 0,
        "monitor": chooser.monitor,
        "mode": chooser.mode,
        "value": float(chooser.best_model_score),
    }


def restore_last(module: pl.LightningModule, folder: RunFolder) -> dict[str, Any]:
    """Loads the weights that training ended with, where validations saw too little to choose others.

    They are those after the last epoch, or the average of several epochs that took their place.

    Returns:
        Path and epoch as :func:`restore_best`, and that nothing was chosen.
    """
    averaged = folder.checkpoints / AVERAGED
    path = averaged if averaged.is_file() else folder.checkpoints / "last.ckpt"
    checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    module.load_state_dict(checkpoint["state_dict"])
    module.on_load_checkpoint(checkpoint)
    return {
        "path": str(path.relative_to(folder.path)),
        "epoch": int(checkpoint["epoch"]),
        "epochs_counted_from": 0,
        "monitor": None,
        "mode": None,
        "value": None,
        "chosen": False,
    }


def state_bytes(model: nn.Module) -> int:
    """Bytes of the checkpoints of a run: best, last and the one being written, each with two moments per weight."""
    weights = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    return int(3 * 3 * weights)
