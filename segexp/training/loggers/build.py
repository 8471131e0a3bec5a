"""metrics.csv, the epoch lines, and the optional loggers beside them."""

import importlib.util
import math
from argparse import Namespace
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from hydra.utils import get_method
from lightning.pytorch.loggers import Logger

from segexp.errors import MissingExtraError
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.training.loggers.tracking import RunFacts, Tracked, kept_quiet
from segexp.types import PositiveFloat, PositiveInt


class EpochTable(Logger):
    """One row per epoch in metrics.csv, and one line per epoch on the terminal and in log.txt."""

    def __init__(
        self,
        folder: RunFolder,
        monitor: str,
        direction: Literal["min", "max"],
        epochs: int,
        earlier: Sequence[Mapping[str, float]] = (),
    ) -> None:
        """Starts a table.

        Args:
            folder: Where metrics.csv is written.
            monitor: Measure that marks the best epoch.
            direction: Whether it is better low or high.
            epochs: Planned number of epochs, for the lines.
            earlier: Rows of the run that this one goes on from.
        """
        super().__init__()
        self._folder = folder
        self._monitor = monitor
        self._sign = 1 if direction == "max" else -1
        self._epochs = epochs
        self.rows: dict[int, dict[str, float]] = {int(row["epoch"]): dict(row) for row in earlier}
        self._best = max((self._sign * row[monitor] for row in earlier if monitor in row), default=-math.inf)
        if earlier:
            self._write()

    @property
    def name(self) -> str:
        """Name among the loggers."""
        return "csv"

    @property
    def save_dir(self) -> str:
        """The run folder; callbacks that write files ask for it."""
        return str(self._folder.path)

    @property
    def version(self) -> str:
        """A run folder holds one table."""
        return ""

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: config.yaml holds them."""

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Merges figures into the row of their epoch; the training figures come last and close the row."""
        row = self._merge(metrics)
        if "train/loss" in metrics:
            LOG.info(self._line(row))

    def keep(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Closes the row of an epoch before its checkpoint is written, which Lightning does before it logs.

        A kill in between would leave a checkpoint whose last epoch stands in no table.

        Args:
            epoch: From 0.
            metrics: All figures logged so far; those of a validation may be older than the epoch and are left out.
        """
        self._merge({**{k: v for k, v in metrics.items() if not k.startswith("val/")}, "epoch": epoch})

    def _merge(self, metrics: Mapping[str, float]) -> dict[str, float]:
        """Adds figures to a row, and writes the table if that closed or changed it."""
        epoch = int(metrics.get("epoch", len(self.rows)))
        row = self.rows.setdefault(epoch, {"epoch": epoch})
        before = dict(row)
        row.update({key: value for key, value in metrics.items() if key != "epoch" and not math.isnan(value)})
        if "train/loss" in metrics and row != before:
            self._write()
        return row

    def _write(self) -> None:
        self._folder.write_csv("metrics.csv", [self.rows[number] for number in sorted(self.rows)])

    def shown(self, row: Mapping[str, float]) -> list[str]:
        """Names of the figures in the line of an epoch."""
        return ["train/loss", "val/loss", *([self._monitor] if self._monitor != "val/loss" else [])]

    def _line(self, row: dict[str, float]) -> str:
        value = row.get(self._monitor)
        better = value is not None and self._sign * value > self._best
        if better and value is not None:
            self._best = self._sign * value
        parts = [f"{name} {row[name]:.4f}" for name in self.shown(row) if name in row]
        parts.append(f"{row.get('seconds', 0):.1f} s")
        width = len(str(self._epochs))
        return f"epoch {int(row['epoch']) + 1:>{width}}/{self._epochs}  {'  '.join(parts)}{'  best' if better else ''}"


def wandb_logger(
    run: RunFacts,
    project: str = "segexp",
    entity: str | None = None,
    mode: Literal["auto", "online", "offline"] = "auto",
    tags: list[str] | None = None,
    init_timeout: PositiveFloat = 20.0,
    finish_timeout: PositiveFloat = 60.0,
) -> Tracked:
    """Weights & Biases, offline by itself when no key is set: it never asks and never waits without an end.

    Args:
        run: The run.
        project: W&B project.
        entity: User or team; None: the default of the key.
        mode: ``auto``: as WANDB_MODE says, else online when a key is found.
        tags: Words to find the run by.
        init_timeout: Seconds to wait for the server at the start; then the run is kept offline.
        finish_timeout: Seconds to wait for the upload at the end; what is left can be synced from the run folder.

    Raises:
        MissingExtraError: The package wandb is not installed.
    """
    _require("wandb")
    from segexp.training.loggers.wandb_run import open_wandb

    return open_wandb(run, project, entity, mode, tags or [], (init_timeout, finish_timeout))


def tensorboard_logger(run: RunFacts, flush_secs: PositiveInt = 30) -> Tracked:
    """TensorBoard event files in ``tensorboard/`` of the run folder.

    Args:
        run: The run.
        flush_secs: Seconds between writes to disk.

    Raises:
        MissingExtraError: The package tensorboard is not installed.
    """
    _require("tensorboard")
    from segexp.training.loggers.tensorboard_run import TensorBoardRun

    return TensorBoardRun(run, flush_secs)


def mlflow_logger(
    run: RunFacts, tracking_uri: str | None = None, experiment: str = "segexp", timeout: PositiveFloat = 10.0
) -> Tracked:
    """MLflow, in a database of the output folder or on a server; a server that is gone holds nothing up.

    Args:
        run: The run.
        tracking_uri: Server or database; None: MLFLOW_TRACKING_URI, else ``mlflow.db`` in the output folder.
        experiment: Name of the experiment, made where it is missing.
        timeout: Seconds to wait for a server, at the start and at the end.

    Raises:
        MissingExtraError: The package mlflow is not installed.
    """
    _require("mlflow")
    from segexp.training.loggers.mlflow_run import MlflowRun

    return MlflowRun(run, tracking_uri, experiment, timeout)


def build_loggers(section: Mapping[str, Any], run: RunFacts) -> list[Tracked]:
    """The loggers that the config asks for beside metrics.csv; where one cannot be opened, the others are closed."""
    built: list[Tracked] = []
    try:
        for settings in section.values():
            if settings is not None and not _switched_off(settings):
                # Not instantiate: it would build the objects that the config handed to the logger describes.
                make: Callable[..., Tracked] = get_method(settings["_target_"])
                own = {key: value for key, value in settings.items() if not key.startswith("_")}
                built.append(kept_quiet(make(run, **own)))
    except BaseException:
        close_loggers(built, ok=False)
        raise
    return built


def check_loggers(section: Mapping[str, Any]) -> None:
    """Checks that the packages of segexp's own loggers are there; another logger says itself what it lacks.

    Raises:
        MissingExtraError: One is not installed.
    """
    for package, settings in section.items():
        own = settings is not None and get_method(settings["_target_"]).__module__ == __name__
        if own and not _switched_off(settings):
            _require(package)


def _switched_off(settings: Mapping[str, Any]) -> bool:
    """Whether the user's environment switches W&B off, and no key says otherwise: nothing of it is written then."""
    if get_method(settings["_target_"]) is not wandb_logger or settings.get("mode", "auto") != "auto":
        return False
    from segexp.training.loggers.wandb_run import DISABLED_BY_USER

    return DISABLED_BY_USER


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"logger={package}: the package {package} is not installed; pip install 'segexp[{package}]'"
        )


def close_loggers(loggers: Iterable[Tracked], *, ok: bool) -> None:
    """Ends each run; where one fails to, the others still do, and the error that ended the job is not hidden."""
    for logger in loggers:
        try:
            logger.end(ok=ok)
        except Exception as error:  # whatever a service raises, the result stands
            LOG.warning(f"{type(logger).__name__}: could not be closed ({type(error).__name__}: {error})")
