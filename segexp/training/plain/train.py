"""One experiment with a LightningModule or LightningDataModule of the user's own, from config to run folder."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.config.trainer import is_part
from segexp.data.base import ImageDataModule
from segexp.data.sampling.batches import check_batches
from segexp.evaluation.afterwards import Afterwards, report_line
from segexp.evaluation.test import FinishedTest
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG, start_console
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.training.callbacks.checkpoints import restore_best, restore_last, state_bytes
from segexp.training.callbacks.moved import follow_folder
from segexp.training.callbacks.places import place_callbacks
from segexp.training.callbacks.stopping import Over
from segexp.training.distributed import process_group as group
from segexp.training.distributed.plan import check_plain_ranks
from segexp.training.distributed.strategies import plain_strategy_arguments
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.nonfinite.guard import guard_steps, skipped_steps
from segexp.training.plain.build import build_data, build_module
from segexp.training.plain.hyper_parameters import PlainHyperParameters
from segexp.training.plain.partial import describe_ranks, describe_training
from segexp.training.plain.resume import check_plain_resume
from segexp.training.plain.table import CloseRows, LoggedTable
from segexp.training.plain.test import test_logged
from segexp.training.resuming.checkpoint import keep_last
from segexp.training.resuming.source import checkpoint_of
from segexp.training.run_facts import facts_of_start, model_facts
from segexp.training.trainer import build_trainer
from segexp.training.training_run import TrainingRun, check_beforehand, pruning_callbacks
from segexp.training.warning_filters import quiet_warnings


def train_plain(experiment: Experiment) -> dict[str, Any]:
    """Trains, tests by what the module logs, and writes the run folder that every run has.

    Args:
        experiment: As the command line or a sweep hands it down.

    Returns:
        The content of results.json; empty on a rank that only helps.

    Raises:
        UserError: Config, module or datamodule do not fit; nothing is written then.
        Interrupted: Ctrl-C; the run folder holds the last finished epoch.
    """
    start_console()
    quiet_warnings()
    check_plain_ranks(experiment)
    experiment, callbacks = check_beforehand(replace(experiment, resume=checkpoint_of(experiment.resume)))
    rank = group.join(experiment).rank
    pl.seed_everything(experiment.seed, workers=True, verbose=False)
    datamodule = build_data(experiment)
    module = build_module(experiment, datamodule)
    if isinstance(datamodule, ImageDataModule):
        check_batches(datamodule.samples_per_epoch, datamodule.loader, experiment.ranks)
    first = check_plain_resume(experiment, module)
    return PlainTrainingRun(experiment, callbacks, datamodule, module, first_epoch=first).start(rank)


class PlainTrainingRun(TrainingRun):
    """A training of any LightningModule on any LightningDataModule."""

    table_class: ClassVar[type[EpochTable]] = LoggedTable

    def __init__(
        self,
        experiment: Experiment,
        callbacks: Mapping[str, Callback],
        datamodule: pl.LightningDataModule,
        module: pl.LightningModule,
        *,
        first_epoch: int,
    ) -> None:
        """Takes an experiment with its hardware, the callbacks of the config by name, data and module."""
        planned = experiment.fitting.max_epochs
        epochs = planned if planned is not None and planned > 0 else None
        super().__init__(experiment, callbacks, first_epoch=first_epoch, epochs=epochs)
        self._datamodule = datamodule
        self._module = module

    def checkpoint_bytes(self) -> int:
        """Gives the disk that the weights take, best and last."""
        return state_bytes(self._module)

    def facts(self) -> dict[str, Any]:
        """Gives what run.json says of the run when it starts."""
        return {
            **facts_of_start(self.experiment),
            "model": model_facts(self.experiment.task_class.rpartition(".")[2], self._module),
            "data": {"name": self.experiment.datamodule["_target_"].rpartition(".")[2]},
        }

    def afterwards(self, folder: RunFolder) -> Afterwards:
        """Gives what keeps count of that which could not be made; files alone are made again."""
        return Afterwards(folder.path, report_line(folder.path), tests=False)

    def write_inputs(self, folder: RunFolder) -> None:
        """Nothing: what its data are, a LightningDataModule does not say."""

    def announce(self, folder: RunFolder, record: RunRecord) -> None:
        """Says what is trained on what."""
        LOG.info(f"run folder  {folder.path}")
        LOG.info(f"data        {type(self._datamodule).__name__}")
        LOG.info(f"model       {type(self._module).__name__}, {record.content['model']['parameters']:,} parameters")

    def fit(self, folder: RunFolder, loggers: list[Logger], *, over: bool = False) -> pl.Trainer:
        """Trains, on all ranks together; what comes after is done by one alone."""
        experiment = self.experiment
        place_callbacks(experiment.callbacks, self.callbacks, folder.path)
        table = next((logger for logger in loggers if isinstance(logger, LoggedTable)), None)
        own = [CloseRows(table), PlainHyperParameters(), *self.callbacks.values(), *pruning_callbacks(experiment)]
        own += [guard_steps(experiment, folder), *([Over()] if over else [])]
        own += follow_folder(experiment.resume, folder.path)
        trainer = build_trainer(experiment, folder, loggers, own, plain_strategy_arguments(experiment))
        trainer.fit(self._module, datamodule=self._datamodule, ckpt_path=experiment.resume, weights_only=True)
        group.leave()
        keep_last(experiment.resume, folder)
        return trainer

    def test(self, trainer: pl.Trainer, folder: RunFolder, record: RunRecord, after: Afterwards) -> FinishedTest:
        """Restores the weights that were chosen, tests them by what the module logs, and writes results.json."""
        best = self._restored(trainer, folder)
        notes = [*describe_ranks(self.experiment), *describe_training(self.experiment, trainer)]
        content = test_logged(
            self.experiment, folder, self._module, self._datamodule, best, notes, skipped_steps(trainer)
        )
        after.complete = True
        return FinishedTest(content, {}, lambda step: TestReport(content, [], [], [], [], step))

    def summary(self, content: Mapping[str, Any]) -> Iterator[str]:
        """Gives a line for each figure."""
        for name, value in content["rows"][0]["dataset"].items():
            yield f"{content['split']['name']:<11} {name} {value}"

    def _restored(self, trainer: pl.Trainer, folder: RunFolder) -> dict[str, Any]:
        """The weights that are tested: the best ones, or after validations that saw a part of their data the last."""
        if is_part(self.experiment.fitting.limit_val_batches):
            return restore_last(self._module, folder)
        return restore_best(trainer, self._module, folder)
