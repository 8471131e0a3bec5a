"""The Lightning Trainer of a run: callbacks, checkpoints, progress, determinism."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, TQDMProgressBar
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.errors import ConfigError
from segexp.evaluation.memory import ReleaseMemory
from segexp.evaluation.tester import determinism
from segexp.runs.folder import RunFolder
from segexp.system.notebook import in_notebook
from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO
from segexp.training.callbacks.checkpoints import Best, Last
from segexp.training.callbacks.panels import ValidationPanels, panel_epochs
from segexp.training.callbacks.random_state import RandomState
from segexp.training.callbacks.stopping import Clock, Stopping
from segexp.training.callbacks.weight_average import WeightAverage
from segexp.training.distributed.plan import count_ranks
from segexp.training.distributed.strategies import ONE, trainer_plugins

PASSED_ON = (
    "max_epochs", "accelerator", "gradient_clip_val", "accumulate_grad_batches",
    "check_val_every_n_epoch",
)  # fmt: skip


def check_trainer(section: TrainerConfig) -> None:
    """Checks what would fail only after training, before anything is written.

    Raises:
        ConfigError: No validation would ever run, so no best checkpoint could be chosen.
    """
    every, epochs = section.check_val_every_n_epoch, section.max_epochs
    if every > epochs:
        raise ConfigError(
            f"trainer.check_val_every_n_epoch: found {every} with trainer.max_epochs={epochs}: no validation would "
            f"run; use at most {epochs}"
        )


def build_trainer(
    experiment: Experiment,
    folder: RunFolder,
    loggers: list[Logger],
    own: Sequence[Callback] = (),
    ranks: Mapping[str, Any] = ONE,
) -> pl.Trainer:
    """The trainer for fitting; ``own`` are the callbacks of the config, ``ranks`` is of :func:`spread`."""
    section = experiment.trainer
    return pl.Trainer(
        **ranks,
        **{key: getattr(section, key) for key in PASSED_ON},
        **determinism(section.deterministic),
        logger=loggers,
        default_root_dir=folder.path,  # of callbacks that write files
        callbacks=[_panels(experiment, folder, len(loggers) > 1), *_in_order(experiment, folder, own)],
        plugins=[AtomicCheckpointIO(), *trainer_plugins()],
        enable_progress_bar=_bar(section.progress),
        # Of a task only whole epochs are logged; a LightningModule of the user's own decides by itself.
        log_every_n_steps=50 if experiment.plain_lightning else 10**9,
        num_sanity_val_steps=0,  # a part of the validation images would choose a threshold
    )


def try_trainer(experiment: Experiment, own: Sequence[Callback]) -> None:
    """Builds a trainer that is not used, so that what Lightning refuses is found before anything is written.

    Raises:
        ConfigError: It refuses.
    """
    if count_ranks(experiment.trainer) > 1:
        return  # processes of several ranks are checked by themselves
    try:
        build_trainer(experiment, RunFolder(Path(experiment.output_dir)), [], own)
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error


def _panels(experiment: Experiment, folder: RunFolder, logged: bool) -> ValidationPanels:
    """Pictures of validation images; ``logged``: there is a logger beside metrics.csv."""
    epochs = panel_epochs(experiment.panel_epochs, experiment.trainer.max_epochs, logged=logged)
    return ValidationPanels(folder.panels / "val", epochs, experiment.val_panels)


def _bar(progress: str) -> bool:
    return progress == "bar" or (progress == "auto" and (sys.stdout.isatty() or in_notebook()))


def _in_order(experiment: Experiment, folder: RunFolder, own: Sequence[Callback]) -> list[Callback]:
    """Callbacks in the order in which they act: weights are averaged before the best of them are kept."""
    trainer = experiment.trainer
    averages = [callback for callback in own if isinstance(callback, WeightAverage)]
    stopping = [callback for callback in own if isinstance(callback, Stopping)]
    return [
        *averages,
        ReleaseMemory(),
        RandomState(experiment.seed),
        Best(folder.checkpoints, experiment.resume, monitor=experiment.monitor, mode=experiment.direction),
        Last(folder.checkpoints),
        *([Clock(trainer.max_time)] if trainer.max_time is not None else []),
        *stopping,
        *([TQDMProgressBar(refresh_rate=5, leave=False)] if _bar(trainer.progress) else []),
        *(callback for callback in own if callback not in [*averages, *stopping]),
    ]
