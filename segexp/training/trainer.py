"""The Lightning Trainer of a run: callbacks, checkpoints, progress, determinism."""

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.fabric.utilities.exceptions import MisconfigurationException
from lightning.pytorch.callbacks import Callback, ProgressBar, TQDMProgressBar, WeightAveraging
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.config.schema import TrainerConfig
from segexp.config.trainer import duration, handed_on, is_part
from segexp.errors import ConfigError
from segexp.evaluation.memory import ReleaseMemory
from segexp.evaluation.tester import determinism
from segexp.evaluation.watchdog import Watchdog
from segexp.runs.folder import RunFolder
from segexp.system.notebook import in_notebook
from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO
from segexp.training.callbacks.checkpoints import Best, Last
from segexp.training.callbacks.panels import ValidationPanels, panel_epochs
from segexp.training.callbacks.random_state import RandomState
from segexp.training.callbacks.remaining_time import RemainingTime
from segexp.training.callbacks.stopping import Clock, Stopping
from segexp.training.callbacks.training_time import TrainingTime
from segexp.training.callbacks.within_epoch import WithinEpoch
from segexp.training.distributed.plan import count_ranks
from segexp.training.distributed.rank_signals import OwnSigterm
from segexp.training.distributed.strategies import one_process, trainer_plugins
from segexp.training.run_length import RunLength
from segexp.training.trainer_parts import build_plugins, build_profiler, build_strategy
from segexp.windows.settings import Inference

PASSED_ON = (
    "accelerator", "precision", "max_epochs", "min_epochs", "max_steps", "min_steps", "limit_train_batches",
    "limit_val_batches", "check_val_every_n_epoch", "num_sanity_val_steps", "log_every_n_steps",
    "accumulate_grad_batches", "gradient_clip_val", "gradient_clip_algorithm", "detect_anomaly",
)  # fmt: skip
"""Keys that Lightning gets as they are in force."""


def build_trainer(
    experiment: Experiment,
    folder: RunFolder,
    loggers: list[Logger],
    own: Sequence[Callback] = (),
    ranks: Mapping[str, Any] | None = None,
    length: RunLength | None = None,
) -> pl.Trainer:
    """The trainer for fitting.

    Args:
        experiment: Of the training.
        folder: Where files go.
        loggers: Those of the run, metrics.csv first.
        own: Callbacks of the config.
        ranks: Devices and strategy, of :func:`strategy_arguments`; None: one process.
        length: What it sees of the data; None: all.
    """
    section = experiment.fitting
    watchdog = Watchdog(section.watchdog)
    panels = _panels(experiment, folder, None if length is None else length.epochs, len(loggers) > 1)
    callbacks = _in_order(experiment, folder, own, chooses=_chooses(section, length))
    if length is not None:
        callbacks.append(RemainingTime(length, Inference(**vars(experiment.inference))))
    arguments = {
        **determinism(section.deterministic),
        **{key: getattr(section, key) for key in PASSED_ON},
        "val_check_interval": duration(section.val_check_interval),
        # Data of segexp repeats its first epoch by itself; other loaders Lightning makes repeat theirs.
        "overfit_batches": section.overfit_batches if length is None else 0.0,
        "profiler": build_profiler(section.profiler, folder.path),
        "logger": loggers,
        "default_root_dir": folder.path,  # of callbacks that write files
        "callbacks": [watchdog, panels, OwnSigterm(), *callbacks],
        "plugins": [AtomicCheckpointIO(watchdog.during, folder), *trainer_plugins(), *build_plugins(section)],
        "enable_progress_bar": shows_bar(section.progress) or _own_bar(own),
        **handed_on(experiment.plain()["trainer"]),
        **(one_process(section) if ranks is None else ranks),
    }
    return pl.Trainer(**arguments)


def time_limit(section: TrainerConfig) -> float | None:
    """Gives the seconds after which ``trainer.max_time`` ends training; None: it does not."""
    limit = duration(section.max_time)
    return None if limit is None else Clock(limit, verbose=False).time_remaining()


def _chooses(section: TrainerConfig, length: RunLength | None) -> bool:
    """Whether validations may choose a checkpoint: they see all of their data."""
    return not is_part(section.limit_val_batches) if length is None else length.validates_all


def try_trainer(experiment: Experiment, own: Sequence[Callback]) -> None:
    """Builds a trainer that is not used, so that what Lightning refuses is found before anything is written.

    Raises:
        ConfigError: It refuses.
    """
    ranks = count_ranks(experiment.trainer)
    if ranks > 1:
        if isinstance(experiment.trainer.strategy, dict):
            build_strategy(experiment.trainer.strategy, ranks)
        return  # processes of several ranks are checked by themselves
    try:
        build_trainer(experiment, RunFolder(Path(experiment.output_dir)), [], own)
    except (MisconfigurationException, ValueError, TypeError, RuntimeError) as error:
        raise ConfigError(f"trainer: {' '.join(str(error).split())}") from error


def _panels(experiment: Experiment, folder: RunFolder, epochs: int | None, logged: bool) -> ValidationPanels:
    """Pictures of validation images; ``epochs`` are planned, ``logged``: there is a logger beside metrics.csv."""
    chosen = panel_epochs(experiment.panel_epochs, epochs, logged=logged)
    return ValidationPanels(folder.panels / "val", chosen, experiment.val_panels)


def shows_bar(progress: str) -> bool:
    """Returns whether a progress bar is shown, with the key ``trainer.progress``."""
    return progress == "bar" or (progress == "auto" and (sys.stdout.isatty() or in_notebook()))


def _own_bar(own: Sequence[Callback]) -> bool:
    """Whether the config brings a progress bar, which stands in place of ours."""
    return any(isinstance(callback, ProgressBar) for callback in own)


def _in_order(experiment: Experiment, folder: RunFolder, own: Sequence[Callback], *, chooses: bool) -> list[Callback]:
    """Callbacks in the order in which they act: weights are averaged before the best of them are kept.

    ``chooses``: whether validations may choose a checkpoint.
    """
    trainer = experiment.trainer
    averages = [callback for callback in own if isinstance(callback, WeightAveraging)]
    stopping = [callback for callback in own if isinstance(callback, Stopping)]
    best = Best(folder.checkpoints, experiment.resume, monitor=experiment.monitor, mode=experiment.direction)
    return [
        *averages,
        ReleaseMemory(),
        RandomState(experiment.seed),
        WithinEpoch(folder.checkpoints, trainer.checkpoint_every),
        TrainingTime(),
        *([best] if chooses else []),
        Last(folder.checkpoints),
        *([Clock(duration(trainer.max_time), verbose=False)] if trainer.max_time is not None else []),
        *stopping,
        *([TQDMProgressBar(refresh_rate=5, leave=False)] if shows_bar(trainer.progress) and not _own_bar(own) else []),
        *(callback for callback in own if callback not in [*averages, *stopping]),
    ]
