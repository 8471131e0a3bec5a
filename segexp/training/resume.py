"""Going on from a checkpoint: whether it fits, and what of the earlier run comes along."""

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import numpy as np
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, ModelCheckpoint, Timer

from segexp.causes import cause_of, sentence
from segexp.config.stored import check_stored
from segexp.data.batches import rank_of
from segexp.errors import ConfigError, DataError, ResourceError
from segexp.modules.ranks import all_objects
from segexp.modules.schedule import AUTO
from segexp.modules.segmentation import SegmentationModule
from segexp.run.archive import check_archive
from segexp.run.console import LOG
from segexp.run.files import replace_file
from segexp.run.folder import RunFolder
from segexp.training.callback_paths import refuse_paths
from segexp.training.go_on import LAST, command, told_apart, with_command
from segexp.training.loggers import EpochTable

Config = dict[str, Any]

FREE = (
    "name", "output_dir", "resume", "debug", "panels", "panel_epochs", "val_panels",
    "baselines", "tta", "metric", "bootstrap", "logger", "sweep",
    "inference.batch_size", "callbacks.early_stopping", "callbacks.extra",
    "trainer.progress", "trainer.max_time", "trainer.accelerator",
    "trainer.strategy", "trainer.devices", "trainer.num_nodes",
    "datamodule.root", "datamodule.loader.num_workers", "datamodule.loader.prefetch_factor",
    "datamodule.loader.pin_memory", "datamodule.loader.persistent_workers",
)  # fmt: skip
"""Keys that do not shape the training and may differ after a resume."""


def check_resume(config: Config, module: SegmentationModule) -> int:
    """Checks that the run can go on from ``resume``, before anything is written.

    Returns:
        The epoch that training starts with, from 0.

    Raises:
        ConfigError: There is no such checkpoint, or model or length of the schedule differ.
    """
    resume = config["resume"]
    if resume is None:
        return 0
    if not Path(resume).is_file():
        raise ConfigError(f"resume: no file {resume}; give a run folder or the path of a last.ckpt")
    try:
        check_archive(Path(resume))
        checkpoint = torch.load(resume, map_location="cpu", weights_only=True)
        earlier, state, epoch = checkpoint["segexp"]["config"], checkpoint["state_dict"], int(checkpoint["epoch"])
    except DataError:
        raise
    except Exception as error:  # torch.load raises nearly anything for a file that is no checkpoint
        if (cause := cause_of(error)) is not None:
            raise ResourceError(sentence(cause, f"resume: {resume}")) from error
        raise ConfigError(f"resume: {resume} is no checkpoint of segexp; give the path of a last.ckpt") from error
    check_stored(earlier, Path(resume), built=())
    refuse_paths(checkpoint.get("callbacks", {}), Path(resume))
    shapes = [{name: tuple(value.shape) for name, value in weights.items()} for weights in (state, module.state_dict())]
    if shapes[0] != shapes[1]:
        there, here = told_apart(earlier["model"], config["model"]), told_apart(config["model"], earlier["model"])
        if there == here:
            there, here = _unlike(*shapes), _unlike(*reversed(shapes))
        found = f"resume: {resume} holds another model: found {here}, but the run that resume goes on from has {there}"
        raise ConfigError(with_command(found, Path(resume)))
    _check_same(config, earlier)
    _check_epochs(config["trainer"]["max_epochs"], epoch + 1, Path(resume))
    return epoch + 1


def _check_epochs(asked: int, done: int, checkpoint: Path) -> None:
    """As many as are done is right: the run goes straight to its test."""
    if asked < done:
        line = command(checkpoint, f"trainer.max_epochs={done + 1}")
        raise ConfigError(
            f"trainer.max_epochs: found {asked}, but the run that resume goes on from has done {done} epochs; give "
            f"{done + 1} or more{f' ({line})' if line else ''}, {done} for its test alone, or start anew without resume"
        )


def _unlike(shapes: Mapping[str, tuple[int, ...]], others: Mapping[str, tuple[int, ...]]) -> str:
    """The first weight that is not as in another model of the same class, whose data has other channels or classes."""
    name = next(name for name in [*shapes, *others] if shapes.get(name) != others.get(name))
    return f"{name} of shape {list(shapes[name])}" if name in shapes else f"no {name}"


def _check_same(config: Config, earlier: Config) -> None:
    """Anything that shapes the training must be as it was: else it would be ignored, or two settings mixed in one run.

    A changed split would even train on images that were tested before.
    """
    before, now = dict(_flat(earlier)), dict(_flat(config))
    for key in sorted(set(before) | set(now)):
        if before.get(key) != now.get(key) and not _may_change(key, config):
            found = f"{key}: found {now.get(key)!r}, but the run that resume goes on from has {before.get(key)!r}"
            raise ConfigError(with_command(f"{found}; use that, or start anew without resume", Path(config["resume"])))


def _may_change(key: str, config: Config) -> bool:
    if key == "trainer.max_epochs":
        # A schedule that was laid over the whole run cannot be stretched.
        target = config["scheduler"]["target"] or {}
        return not any(value == AUTO for name, value in target.items() if name != "mode")
    return any(key == free or key.startswith(f"{free}.") for free in FREE)


def _flat(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, tree


def earlier_rows(resume: str | None, first_epoch: int) -> list[dict[str, float]]:
    """Rows of the metrics.csv beside a checkpoint before ``first_epoch``; empty where there is none."""
    if resume is None:
        return []
    table = Path(resume).resolve().parent.parent / "metrics.csv"
    if not table.is_file():
        return []
    with table.open(newline="", encoding="utf-8") as stream:
        rows = [{key: _number(key, cell) for key, cell in row.items() if cell} for row in csv.DictReader(stream)]
    return [row for row in rows if row["epoch"] < first_epoch]


def keep_last(resume: str | None, folder: RunFolder) -> None:
    """Where no epoch was left to train, the state that the run goes on from is its last: it may go on from here too."""
    last = folder.checkpoints / LAST.name
    if resume is not None and not last.is_file() and rank_of()[0] == 0:
        replace_file(last, Path(resume).read_bytes())


def _number(key: str, cell: str) -> float:
    return int(cell) if key == "epoch" else float(cell)


class Best(ModelCheckpoint):
    """The best epoch; after a resume, the best of the earlier run still counts and its file comes along."""

    def __init__(self, folder: Path, resume: str | None, **settings: Any) -> None:
        """Keeps ``best.ckpt`` in ``folder``; settings as for Lightning's ModelCheckpoint."""
        super().__init__(folder, "best", enable_version_counter=False, **settings)
        self._earlier = None if resume is None else Path(resume).with_name("best.ckpt")

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over score and file; Lightning by itself forgets the score when the folder is another."""
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

    def _is_that_of(self, path: Path, state: dict[str, Any]) -> bool:
        """A kill between the two writes of an epoch leaves a best.ckpt that is newer than last.ckpt."""
        if not path.is_file():
            return False
        stored = torch.load(path, map_location="cpu", weights_only=True)["callbacks"].get(self.state_key, {})
        return bool(stored.get("best_model_score") == state["best_model_score"])


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
        super().on_train_epoch_end(trainer, pl_module)


class Clock(Timer):
    """Ends training by the clock. It starts anew when a run goes on: else nothing could be trained once it is up."""

    @property
    def state_key(self) -> str:
        """As Lightning's own, whose state checkpoints of version 0.1 hold."""
        return "Timer"

    def state_dict(self) -> dict[str, Any]:
        """Nothing: time is counted for each command."""
        return {}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes nothing over."""


class Stopping(EarlyStopping):
    """Early stopping that is still in force when a run goes on that had stopped, and was killed during its test."""

    def __init__(self, monitor: str, min_delta: float, patience: int, mode: str) -> None:
        """Stops after ``patience`` validations without gain, and when the measure is nan."""
        super().__init__(monitor, min_delta, patience, mode=mode, check_finite=True)
        self._over = False

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Takes over everything but the patience: another one may be asked for now."""
        super().load_state_dict({**state_dict, "patience": self.patience})
        self._over = self.stopped_epoch > 0 and state_dict["patience"] == self.patience

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        """Ends training before it begins where it had ended already."""
        trainer.should_stop = trainer.should_stop or self._over


class RandomState(Callback):
    """Keeps the state of torch's random numbers (dropout) in each checkpoint; data is drawn by (seed, epoch, index).

    On several ranks each has numbers of its own, or samples of different ranks would lose the same values.
    """

    def __init__(self, seed: int) -> None:
        """Numbers of ranks above 0 derive from the run's seed and the rank."""
        self._seed = seed

    def setup(self, trainer: pl.Trainer, pl_module: pl.LightningModule, stage: str) -> None:
        """Starts the numbers of a rank above 0, before a checkpoint is read."""
        if stage == "fit" and trainer.global_rank > 0:
            seed = np.random.SeedSequence((self._seed, trainer.global_rank)).generate_state(1, np.uint64)
            torch.manual_seed(int(seed[0] >> 1))

    def state_dict(self) -> dict[str, Any]:
        """States of the processor and of each GPU, uint8 tensors; those of other ranks in ``others``, in order."""
        cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() else []
        first, *others = all_objects({"cpu": torch.get_rng_state(), "cuda": cuda})
        return {**first, "others": others}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Goes on where the checkpoint was written; a rank that was not there then starts with its own numbers."""
        states = [state_dict, *state_dict.get("others", [])]
        rank, _ = rank_of()
        if rank >= len(states):
            return
        torch.set_rng_state(states[rank]["cpu"])
        if torch.cuda.is_available() and len(states[rank]["cuda"]) == torch.cuda.device_count():
            torch.cuda.set_rng_state_all(states[rank]["cuda"])
