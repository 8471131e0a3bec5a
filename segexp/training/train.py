"""One experiment from a checked config to a run folder: build, fit, test with the best checkpoint, explain."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.data.splits.rules import PHASES, Phase
from segexp.evaluation.afterwards import Afterwards, evaluate_line
from segexp.evaluation.test import FinishedTest, test
from segexp.report.run_page.tables.predictors import results_table
from segexp.runs.console import start_console
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.training.callbacks.checks import check_finders
from segexp.training.callbacks.moved import follow_folder
from segexp.training.callbacks.places import place_callbacks
from segexp.training.callbacks.stopping import Over
from segexp.training.distributed import process_group as group
from segexp.training.distributed.plan import own_device
from segexp.training.distributed.strategies import gather_weights, strategy_arguments
from segexp.training.estimate.out_of_memory import FailedStage, step_out_of_memory
from segexp.training.estimate.run import RunEstimate, estimate_run
from segexp.training.log_summary import log_summary
from segexp.training.nonfinite.guard import guard_steps, skipped_steps
from segexp.training.partial import describe_parts, restore_tested, with_tested_images
from segexp.training.prepare import Prepared, prepare
from segexp.training.resuming.checkpoint import check_resume, keep_last
from segexp.training.resuming.own_folder import run_parent
from segexp.training.resuming.run_split import dealt_anew, taken_up
from segexp.training.run_facts import run_facts
from segexp.training.trainer import build_trainer
from segexp.training.training_run import TrainingRun, check_beforehand, pruning_callbacks
from segexp.training.transfer.frozen import check_finetuning, describe_random_frozen
from segexp.training.warning_filters import quiet_warnings


def train_experiment(experiment: Experiment, *, allocator: bool) -> dict[str, Any]:
    """Runs one experiment.

    Everything that can be wrong with config and data is found before the run folder is made.

    Args:
        experiment: As the command line, a sweep or a rank hands it down.
        allocator: Whether the allocator setting is in force.

    Returns:
        The content of results.json; empty on a rank that only helps.

    Raises:
        UserError: Data or config do not fit.
        Interrupted: Ctrl-C; the run folder holds the last finished epoch.
    """
    start_console()
    quiet_warnings()
    experiment, callbacks = check_beforehand(taken_up(experiment))
    rank = group.join(experiment).rank
    prepared = prepare(experiment, allocator=allocator)
    check_finders(callbacks, prepared.module, prepared.datamodule)
    check_finetuning(callbacks, prepared.module, prepared.module.schedule, experiment.fitting.max_epochs)
    _look_back(prepared, list(callbacks.values()))
    takes = _what_it_takes(prepared, list(callbacks.values()))
    takes.refuse()
    return ImageTrainingRun(prepared, callbacks, takes).start(rank)


def _look_back(prepared: Prepared, callbacks: Sequence[Callback]) -> None:
    """Notes what is frozen, and what differs from the run that it starts or goes on from, and takes up its epochs."""
    experiment, datamodule, start = prepared.experiment, prepared.datamodule, prepared.started_from
    loaded = start.loaded if start is not None else ()
    datamodule.add_notes(describe_random_frozen(experiment, callbacks, prepared.module.model, loaded))
    datamodule.add_notes(experiment.invocation.notes)
    datamodule.add_notes(dealt_anew(experiment, _split(prepared)))
    datamodule.add_notes(describe_parts(experiment.trainer, prepared.length))
    if experiment.fitting.overfit_batches:
        datamodule.repeat_first_epoch()
    datamodule.begin_at(*check_resume(experiment, prepared.module))


def _what_it_takes(prepared: Prepared, callbacks: Sequence[Callback]) -> RunEstimate:
    """Memory and disk of a run."""
    experiment, datamodule = prepared.experiment, prepared.datamodule
    items = {phase: datamodule.items(phase) for phase in PHASES}
    return estimate_run(experiment, prepared.module, datamodule, items, run_parent(experiment), callbacks)


def _split(prepared: Prepared) -> dict[Phase, list[str]]:
    return {phase: [item.name for item in prepared.datamodule.items(phase)] for phase in PHASES}


class ImageTrainingRun(TrainingRun):
    """A training of a task on a data set of segexp's kind."""

    def __init__(self, prepared: Prepared, callbacks: Mapping[str, Callback], takes: RunEstimate) -> None:
        """Takes data and module as they were prepared, the callbacks of the config by name, and what the run takes."""
        super().__init__(
            prepared.experiment,
            callbacks,
            first_epoch=prepared.datamodule.first_epoch,
            epochs=prepared.length.epochs,
        )
        self._prepared = prepared
        self._takes = takes

    def checkpoint_bytes(self) -> int:
        """Gives the disk that best, last and temporary checkpoint take together."""
        return self._takes.disk.own

    def facts(self) -> dict[str, Any]:
        """Gives what run.json says of the run when it starts."""
        return run_facts(self._prepared, self._takes)

    def afterwards(self, folder: RunFolder) -> Afterwards:
        """Gives what keeps count of that which could not be made; a test of the run makes it again."""
        return Afterwards(folder.path, evaluate_line(folder.path))

    def write_inputs(self, folder: RunFolder) -> None:
        """Writes split.json."""
        folder.write_json("split.json", {str(phase): names for phase, names in _split(self._prepared).items()})

    def announce(self, folder: RunFolder, record: RunRecord) -> None:
        """Says what is trained on what."""
        log_summary(folder, self._prepared.datamodule, self._prepared.module, self.experiment.ranks, self._takes)

    def fit(self, folder: RunFolder, loggers: list[Logger], *, over: bool = False) -> pl.Trainer:
        """Trains, on all ranks together; what comes after is done by one alone."""
        experiment, datamodule, module = self.experiment, self._prepared.datamodule, self._prepared.module
        place_callbacks(experiment.callbacks, self.callbacks, folder.path)
        guard = guard_steps(experiment, folder, module.speed)
        failed = FailedStage()
        own = [*self.callbacks.values(), *pruning_callbacks(experiment), guard, failed, *([Over()] if over else [])]
        own += follow_folder(experiment.resume, folder.path)
        ranks = strategy_arguments(experiment.trainer, module, datamodule)
        trainer = build_trainer(experiment, folder, loggers, own, ranks, self._prepared.length)
        try:
            trainer.fit(module, datamodule=datamodule, ckpt_path=experiment.resume, weights_only=True)
        except Exception as error:
            if (shown := step_out_of_memory(error, failed.name, self._takes)) is None:
                raise
            raise shown from error
        group.leave()
        gather_weights(module)
        keep_last(experiment.resume, folder)
        return trainer

    def test(self, trainer: pl.Trainer, folder: RunFolder, record: RunRecord, after: Afterwards) -> FinishedTest:
        """Restores the weights that were chosen, tests them, and writes results.json and what hangs on it."""
        best = restore_tested(trainer, self._prepared, folder)
        data, devices = with_tested_images(self._prepared), own_device(self.experiment.trainer)
        # Every later command computes in float32, whatever the training did.
        module, left_out = self._prepared.module.float(), skipped_steps(trainer)
        return test(self.experiment, folder, data, module, best, after, devices, left_out)

    def summary(self, content: Mapping[str, Any]) -> Iterator[str]:
        """Gives the table of results."""
        yield "\n" + results_table(content)
