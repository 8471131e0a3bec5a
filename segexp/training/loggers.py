"""metrics.csv, the epoch lines, and the optional loggers beside them."""

import importlib.util
import math
import os
from argparse import Namespace
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from lightning.pytorch.loggers import Logger

from segexp.errors import MissingExtraError
from segexp.run.console import LOG
from segexp.run.folder import RunFolder


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

    def _line(self, row: dict[str, float]) -> str:
        value = row.get(self._monitor)
        better = value is not None and self._sign * value > self._best
        if better and value is not None:
            self._best = self._sign * value
        names = ["train/loss", "val/loss", *([self._monitor] if self._monitor != "val/loss" else [])]
        parts = [f"{name} {row[name]:.4f}" for name in names if name in row]
        parts.append(f"{row.get('seconds', 0):.1f} s")
        width = len(str(self._epochs))
        return f"epoch {int(row['epoch']) + 1:>{width}}/{self._epochs}  {'  '.join(parts)}{'  best' if better else ''}"


def wandb_logger(
    save_dir: str,
    project: str = "segexp",
    entity: str | None = None,
    mode: Literal["auto", "online", "offline"] = "auto",
    tags: list[str] | None = None,
    name: str | None = None,
    group: str | None = None,
    config: dict[str, Any] | None = None,
) -> Logger:
    """Weights & Biases, offline by itself when no key is set: it never asks and never waits.

    Args:
        save_dir: The run folder.
        project: W&B project.
        entity: User or team; None: the default of the key.
        mode: ``auto``: as WANDB_MODE says, else online when a key is found.
        tags: Words to find the run by.
        name: What the run is called.
        group: Sweep that it belongs to.
        config: The whole resolved config.

    Raises:
        MissingExtraError: The package wandb is not installed.
    """
    _require("wandb")
    from lightning.pytorch.loggers import WandbLogger

    asked = _MODE_OF_USER if mode == "auto" and _MODE_OF_USER else mode
    offline = asked in ("offline", "dryrun") or (asked == "auto" and not _wandb_key())
    if offline and asked == "auto":
        LOG.info(
            f"W&B: no key is set, so this run is kept offline; sync it later: wandb sync {save_dir}/wandb/offline-*"
        )
    # Both: the logger's own switch, and the variable, which wandb reads before it looks for a terminal to ask on.
    os.environ["WANDB_MODE"] = "offline" if offline else asked.replace("auto", "online")
    os.environ.setdefault("WANDB_SILENT", "true")
    logger: Logger = WandbLogger(
        name=name,
        save_dir=save_dir,
        offline=offline,
        project=project,
        entity=entity,
        tags=tags or [],
        group=group,
        config=config,
    )
    return logger


# Lightning and we write the variable; only what stood there before is the user's.
_MODE_OF_USER = os.environ.get("WANDB_MODE")


def _wandb_key() -> bool:
    """Whether a key is in the environment or in the user's netrc."""
    if os.environ.get("WANDB_API_KEY"):
        return True
    netrc = Path(os.environ.get("NETRC", "~/.netrc")).expanduser()
    return netrc.is_file() and "api.wandb.ai" in netrc.read_text(encoding="utf-8", errors="replace")


def tensorboard_logger(save_dir: str, flush_secs: int = 30) -> Logger:
    """TensorBoard event files in ``tensorboard/`` of the run folder.

    Args:
        save_dir: The run folder.
        flush_secs: Seconds between writes to disk.

    Raises:
        MissingExtraError: The package tensorboard is not installed.
    """
    _require("tensorboard")
    from lightning.pytorch.loggers import TensorBoardLogger

    return TensorBoardLogger(save_dir, name="tensorboard", version="", default_hp_metric=False, flush_secs=flush_secs)


def check_loggers(section: Mapping[str, Any]) -> None:
    """Checks that the packages of the loggers asked for are there.

    Raises:
        MissingExtraError: One is not installed.
    """
    for package, settings in section.items():
        if settings is not None:
            _require(package)


def _require(package: str) -> None:
    if importlib.util.find_spec(package) is None:
        raise MissingExtraError(
            f"logger={package}: the package {package} is not installed; pip install 'segexp[{package}]'"
        )


def close_loggers(loggers: Iterable[Logger], *, ok: bool) -> None:
    """Writes out what is buffered and ends the W&B run, or the next job of a sweep would go on in it."""
    from lightning.pytorch.loggers import WandbLogger

    for logger in loggers:
        logger.finalize("success" if ok else "failed")
        if isinstance(logger, WandbLogger):
            import wandb

            if wandb.run is not None:
                wandb.finish(exit_code=0 if ok else 1)
