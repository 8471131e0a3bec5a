"""A training in its run folder, from the first line of log.txt to the page: the steps that all of them have."""

import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, ClassVar

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.errors import Pruned, one_line
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.test import FinishedTest
from segexp.evaluation.test_report import TestReport
from segexp.runs.attempts import is_trained, record_of
from segexp.runs.console import LOG, log_file
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.runs.writable import PAGES, check_place
from segexp.system.cores import available_cores
from segexp.tasks.log_names import headline
from segexp.training.building.callbacks import build_callbacks
from segexp.training.callbacks.checks import check_callbacks
from segexp.training.callbacks.pruning import Pruning, end_if_pruned
from segexp.training.callbacks.training_time import trained_before
from segexp.training.distributed import process_group as group
from segexp.training.distributed.strategies import check_ranks
from segexp.training.endings import ended, finished, trained_epochs, was_stopped, why_it_ended
from segexp.training.estimate.disk import lying_bytes
from segexp.training.estimate.limits import KEY
from segexp.training.hardware import with_hardware
from segexp.training.loggers.build import build_loggers, check_loggers, close_loggers
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.loggers.tracking import tell
from segexp.training.nonfinite.guard import skipped_steps
from segexp.training.resuming.checkpoint import earlier_rows, earlier_steps
from segexp.training.resuming.own_folder import own_run_folder, run_parent
from segexp.training.run_facts import tracked_facts
from segexp.training.trainer import time_limit, try_trainer
from segexp.training.transfer.initial_weights import check_init_from


def check_beforehand(experiment: Experiment) -> tuple[Experiment, dict[str, Callback]]:
    """Checks what needs neither data nor module.

    Returns:
        The experiment with its hardware, and its callbacks by name, tried in a trainer.

    Raises:
        UserError: A logger, earlier weights, the hardware, the place of the run folder or a callback is at fault.
    """
    check_loggers(experiment.logger)
    check_init_from(experiment)
    experiment = with_hardware(experiment)
    check_ranks(experiment)
    check_place(run_parent(experiment), "output_dir")
    return experiment, tried_callbacks(experiment)


def tried_callbacks(experiment: Experiment) -> dict[str, Callback]:
    """The callbacks of the config by name, tried in a trainer."""
    callbacks = build_callbacks(experiment)
    check_callbacks(experiment, callbacks)
    try_trainer(experiment, list(callbacks.values()))
    return callbacks


def pruning_callbacks(experiment: Experiment) -> list[Callback]:
    """Callbacks that tell a search how its trial goes, and end a bad one."""
    trial, sweep = experiment.invocation.trial, experiment.invocation.sweep_dir
    return [] if trial is None or sweep is None else [Pruning(trial, sweep, experiment.monitor)]


def tell_test(loggers: Sequence[Logger], content: Mapping[str, Any], report: TestReport) -> None:
    """Tells the loggers beside metrics.csv how the test ended."""
    best = content["checkpoint"]
    chosen = {} if best["value"] is None else {f"best/{best['monitor']}": best["value"], "best/epoch": best["epoch"]}
    figures = {**headline(content), **chosen}
    tell(loggers, lambda logger: logger.log_metrics(figures, report.step))
    tell(loggers, lambda logger: logger.tested(report))


class TrainingRun(ABC):
    """A training of which all that can be wrong was looked at; a subclass says what is fitted, tested and written.

    Attributes:
        table_class: Of metrics.csv.
        experiment: With its hardware.
        callbacks: Those of the config by name.
        first_epoch: The epoch that it starts with, from 0.
        epochs: Planned number of epochs, for the lines; None: nobody knows.
    """

    table_class: ClassVar[type[EpochTable]] = EpochTable

    def __init__(
        self,
        experiment: Experiment,
        callbacks: Mapping[str, Callback],
        *,
        first_epoch: int,
        epochs: int | None,
    ) -> None:
        self.experiment = experiment
        self.callbacks = callbacks
        self.first_epoch = first_epoch
        self.epochs = epochs

    @abstractmethod
    def checkpoint_bytes(self) -> int:
        """Gives the disk that best, last and temporary checkpoint of the run take together at least."""

    @abstractmethod
    def facts(self) -> dict[str, Any]:
        """Gives what run.json says of the run when it starts."""

    @abstractmethod
    def afterwards(self, folder: RunFolder) -> Afterwards:
        """Gives what keeps count of that which could not be made once the figures stood."""

    @abstractmethod
    def write_inputs(self, folder: RunFolder) -> None:
        """Writes what is known of the data before anything is trained."""

    @abstractmethod
    def announce(self, folder: RunFolder, record: RunRecord) -> None:
        """Says what is trained on what."""

    @abstractmethod
    def fit(self, folder: RunFolder, loggers: list[Logger], *, over: bool = False) -> pl.Trainer:
        """Trains, on all ranks together, not a step more where it is ``over``; metrics.csv is rank 0's first logger."""

    @abstractmethod
    def test(self, trainer: pl.Trainer, folder: RunFolder, record: RunRecord, after: Afterwards) -> FinishedTest:
        """Restores the weights that were chosen, tests them and writes results.json."""

    @abstractmethod
    def summary(self, content: Mapping[str, Any]) -> Iterable[str]:
        """Gives the lines with which the run says its results, of the content of results.json."""

    def room_for_checkpoints(self) -> int:
        """Disk that there must be for checkpoints; a run that goes on in its folder replaces those that lie there."""
        if self.experiment.trainer.allow_oversize:
            return 0
        lying = sum(lying_bytes(self.experiment.invocation, f"checkpoints/{name}.ckpt") for name in ("best", "last"))
        return max(0, self.checkpoint_bytes() - lying)

    def start(self, rank: int) -> dict[str, Any]:
        """Makes the run folder, trains and tests.

        Args:
            rank: Number of this process among those that train together; those above 0 write nothing.

        Returns:
            The content of results.json; empty on a rank that only helps.
        """
        if rank > 0:
            # It trains and validates with rank 0, which writes everything and tests alone.
            place = group.broadcast_run_dir()
            self.fit(RunFolder(place), [], over=is_trained(record_of(place)))
            return {}
        check_place(run_parent(self.experiment), "output_dir", PAGES, self.room_for_checkpoints(), f"{KEY}=true")
        with own_run_folder(self.experiment) as folder:
            group.broadcast_run_dir(folder.path)
            with log_file(folder.path / "log.txt"):
                return self._run(folder)

    def _run(self, folder: RunFolder) -> dict[str, Any]:
        self.write_inputs(folder)
        invocation = self.experiment.invocation
        record = RunRecord(folder, invocation.command, self.facts(), goes_on=invocation.goes_on)
        after = self.afterwards(folder)
        self.announce(folder, record)
        if invocation.threads not in (None, available_cores()):
            LOG.info(f"threads     {invocation.threads}, as that run had: its last digits depend on them")
        handler = signal.getsignal(signal.SIGINT)
        try:
            content = self._fit_and_test(folder, record, after)
        except BaseException as error:
            if was_stopped(error):
                # Lightning switches Ctrl-C off while it shuts down; after fitting, it never switches it on again.
                signal.signal(signal.SIGINT, handler)
            shown = ended(error, folder, record, after)
            if shown is error:
                raise
            raise shown from error
        report = finished(folder, record, after)
        self._say_results(content, folder)
        LOG.info(f"\nrun folder  {folder.path}\nreport      {report}")
        return content

    def _say_results(self, content: Mapping[str, Any], folder: RunFolder) -> None:
        """Says the results, which stand on the disk: a table that cannot be made costs the table alone."""
        try:
            for line in self.summary(content):
                LOG.info(line)
        except Exception as error:
            LOG.error(f"the results cannot be shown ({one_line(error)}); they are in {folder.path / 'results.json'}")

    def _fit_and_test(self, folder: RunFolder, record: RunRecord, after: Afterwards) -> dict[str, Any]:
        start = time.perf_counter()
        table = self._table(folder)
        # A trial run tries the rest: what it logs is no result.
        asked = {} if self.experiment.trainer.fast_dev_run else self.experiment.logger
        loggers = build_loggers(asked, tracked_facts(self.experiment, folder, record.content))
        pruned = False
        try:
            trainer = self.fit(folder, [table, *loggers], over=record.trained)
            end_if_pruned(trainer)
            if not record.trained:
                self._record_fit(trainer, record, time.perf_counter() - start)
            tested = self.test(trainer, folder, record, after)
            if loggers:
                shown = "what the loggers show of the test"
                after.make(shown, lambda: tell_test(loggers, tested.content, tested.report(trainer.global_step)))
            # From here on only the page is left.
            after.make("the time of the test in run.json", lambda: record.update(test=dict(tested.speed)))
        except Pruned:
            pruned = True
            raise
        finally:
            close_loggers(loggers, ok=after.complete or pruned)
        return tested.content

    def _table(self, folder: RunFolder) -> EpochTable:
        """metrics.csv and steps.csv, with the rows of the run that this one goes on from."""
        experiment = self.experiment
        earlier = earlier_rows(experiment.resume, self.first_epoch)
        clock = time_limit(experiment.trainer)
        table = self.table_class(
            folder, experiment.monitor, experiment.direction, self.epochs, earlier, most_seconds=clock,
            live_report=None if experiment.trainer.fast_dev_run else experiment.trainer.live_report,
        )  # fmt: skip
        within = experiment.fitting.val_check_interval is not None
        table.keep_steps(earlier_steps(experiment.resume, earlier), within=within)
        return table

    def _record_fit(self, trainer: pl.Trainer, record: RunRecord, seconds: float) -> None:
        """Writes into run.json how long was trained, by earlier commands too, and why no longer."""
        trial = self.experiment.trainer.fast_dev_run
        why = "trainer.fast_dev_run" if trial else why_it_ended(trainer, self.callbacks)
        facts = {"epochs": trained_epochs(trainer), "ended_by": why, **skipped_steps(trainer)}
        record.update(train_seconds=round(trained_before(trainer) + seconds, 1), **facts)
