"""metrics.csv and steps.csv, and the lines of the epochs."""

import math
import sys
import time
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from lightning.pytorch.loggers import Logger

from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.training.estimate.duration import SHOWN_FROM, in_words, time_left
from segexp.training.loggers.live_report import LiveReport, find_progress

STEP_ENDING = "_step"
"""End of the names of figures of single steps, as Lightning has it."""


class EpochTable(Logger):
    """One row per epoch in metrics.csv, and one line per epoch on the terminal and in log.txt."""

    def __init__(
        self,
        folder: RunFolder,
        monitor: str,
        direction: Literal["min", "max"],
        epochs: int | None,
        earlier: Sequence[Mapping[str, float]] = (),
        *,
        most_seconds: float | None = None,
        live_report: float | None = None,
    ) -> None:
        """Starts a table.

        Args:
            folder: Where metrics.csv is written.
            monitor: Measure that marks the best epoch.
            direction: Whether it is better low or high.
            epochs: Planned number of epochs, for the lines; None: nobody knows.
            earlier: Rows of the run that this one goes on from.
            most_seconds: After which the clock ends training; None: never.
            live_report: Least seconds between two writings of the page of the run while it goes on; None: none is.
        """
        super().__init__()
        self._until = None if most_seconds is None else time.monotonic() + most_seconds
        self._folder = folder
        self._monitor = monitor
        self._sign = 1 if direction == "max" else -1
        self._epochs = epochs
        self._live_seconds = live_report
        self._page = LiveReport(folder, live_report)
        self.steps: dict[int, dict[str, float]] = {}
        self._within = False
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

    def keep_steps(self, earlier: Sequence[Mapping[str, float]] = (), *, within: bool) -> None:
        """Starts the table of steps, steps.csv, which is written where there are rows.

        Args:
            earlier: Its rows of the run that this one goes on from.
            within: Whether there are validations within an epoch, whose figures it keeps too.
        """
        self.steps = {int(row["step"]): dict(row) for row in earlier}
        self._within = within
        if earlier:
            self._write()

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Merges figures into the row of their epoch; the training figures come last and close the row.

        Figures of single steps, and what callbacks log without an epoch, get a row in steps.csv.
        """
        of_steps = {key: value for key, value in metrics.items() if key.endswith(STEP_ENDING)}
        if "epoch" not in metrics or of_steps or (self._within and self._monitor in metrics):
            self._keep_step(metrics, step)
        if self._within and self._monitor in metrics:
            self._say_validation(metrics, step)
        metrics = {key: value for key, value in metrics.items() if key not in of_steps}
        if not metrics.keys() - {"epoch"} or "epoch" not in metrics:
            return
        row = self._merge(metrics)
        if "train/loss" in metrics:
            self.say_epoch(row)

    def keep(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Closes the row of an epoch before its checkpoint is written, which Lightning does before it logs.

        A kill in between would leave a checkpoint whose last epoch stands in no table.

        Args:
            epoch: From 0.
            metrics: All figures logged so far; those of a validation may be older than the epoch and are left out.
        """
        of_epoch = {k: v for k, v in metrics.items() if not k.startswith("val/") and not k.endswith(STEP_ENDING)}
        self._merge({**of_epoch, "epoch": epoch})

    def open_rows(self, epoch: int) -> dict[str, Any]:
        """Gives the rows of an epoch under way: its figures so far, its rows of steps.csv, and the best value."""
        before = max((int(row["step"]) for row in self.steps.values() if row.get("epoch", epoch) < epoch), default=-1)
        steps = [dict(row) for number, row in self.steps.items() if number > before]
        return {"row": dict(self.rows.get(epoch, {"epoch": epoch})), "steps": steps, "best": self._best}

    def reopen_rows(self, opened: Mapping[str, Any]) -> None:
        """Takes up an epoch within which a run goes on, of :meth:`open_rows`."""
        self.rows[int(opened["row"]["epoch"])] = dict(opened["row"])
        self.steps |= {int(row["step"]): dict(row) for row in opened["steps"]}
        self._best = opened["best"]

    def _say_validation(self, metrics: Mapping[str, float], step: int | None) -> None:
        """A line for a validation within an epoch: the best may be any of them."""
        value = metrics[self._monitor]
        better = self._sign * value > self._best
        self._best = max(self._best, self._sign * value)
        LOG.info(f"  step {step}: {self._monitor} {value:.4f}{'  best' if better else ''}")

    def _keep_step(self, metrics: Mapping[str, float], step: int | None) -> None:
        number = len(self.steps) if step is None else step
        row = self.steps.setdefault(number, {"step": number})
        row.update({key: value for key, value in metrics.items() if not math.isnan(value)})

    def close(self, epoch: int) -> None:
        """Writes the row of an epoch that was validated and not trained, as averaged weights are."""
        self._write()
        LOG.info(self._line(self.rows[epoch]))

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
        if self.steps:
            self._folder.write_csv("steps.csv", [self.steps[number] for number in sorted(self.steps)])

    def shown(self, row: Mapping[str, float]) -> list[str]:
        """Names of the figures in the line of an epoch."""
        return ["train/loss", "val/loss", *([self._monitor] if self._monitor != "val/loss" else [])]

    def say_epoch(self, row: dict[str, float]) -> None:
        """Says the line of an epoch whose row is complete, and brings the page of the run up to date."""
        LOG.info(self._line(row))
        rows, left = self._ended(int(row["epoch"]))
        if int(row["epoch"]) < (self._epochs or sys.maxsize):
            now = (rows, self._epochs, left, self._monitor, self._sign, self._live_seconds)
            self._page.update(lambda: find_progress(*now))

    def _line(self, row: dict[str, float]) -> str:
        value = row.get(self._monitor)
        better = value is not None and self._sign * value > self._best
        if better and value is not None:
            self._best = self._sign * value
        parts = [f"{name} {row[name]:.4f}" for name in self.shown(row) if name in row]
        parts += [f"{row['seconds']:.1f} s"] if "seconds" in row else []
        parts += self._left(int(row["epoch"]))
        return f"{self._title(int(row['epoch']))}  {'  '.join(parts)}{'  best' if better else ''}"

    def _left(self, epoch: int) -> list[str]:
        """``25 min left``, where that is more than a minute."""
        left = self._ended(epoch)[1]
        return [f"{in_words(left)} left"] if left is not None and left > SHOWN_FROM else []

    def _ended(self, epoch: int) -> tuple[list[dict[str, float]], float | None]:
        """Rows up to an epoch, and seconds that are left after it; None: unknown."""
        rows = [self.rows[number] for number in sorted(self.rows) if number <= epoch]
        most = None if self._until is None else max(0.0, self._until - time.monotonic())
        return rows, time_left(rows, self._epochs, most)

    def _title(self, epoch: int) -> str:
        """``epoch 3/40``; after the last one there is only the average of weights of earlier ones."""
        if self._epochs is None:
            return f"epoch {epoch + 1}"
        return (
            f"epoch {epoch + 1:>{len(str(self._epochs))}}/{self._epochs}"
            if epoch < self._epochs
            else "averaged weights"
        )
