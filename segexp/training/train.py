"""One experiment from a checked config to a run folder: build, fit, test with the best checkpoint, explain."""

import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger

from segexp.config.experiment import Experiment
from segexp.data.splits.rules import PHASES
from segexp.errors import Pruned
from segexp.evaluation.afterwards import Afterwards, end, evaluate_line
from segexp.evaluation.run_page import write_page
from segexp.evaluation.test import test
from segexp.evaluation.test_report import TestReport
from segexp.report.run_page.tables.predictors import results_table
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.runs.writable import PAGES, check_place
from segexp.tasks.log_names import headline
from segexp.training.build import build_callbacks
from segexp.training.callbacks.checks import check_callbacks, check_finders
from segexp.training.callbacks.places import place_callbacks
from segexp.training.callbacks.pruning import Pruning, end_if_pruned
from segexp.training.distributed import process_group as group
from segexp.training.distributed.plan import own_device
from segexp.training.distributed.strategies import check_ranks, gather_weights, strategy_arguments
from segexp.training.endings import ended, trained_epochs, was_stopped, why_it_ended
from segexp.training.estimate.out_of_memory import FailedStage, step_out_of_memory
from segexp.training.estimate.run import RunEstimate, estimate_run
from segexp.training.frozen import check_finetuning, describe_random_frozen
from segexp.training.hardware import with_hardware
from segexp.training.initial_weights import check_init_from
from segexp.training.log_summary import log_summary
from segexp.training.loggers.build import build_loggers, check_loggers, close_loggers
from segexp.training.loggers.epoch_table import EpochTable
from segexp.training.loggers.tracking import tell
from segexp.training.partial import describe_parts, restore_tested, with_tested_images
from segexp.training.prepare import Prepared, prepare
from segexp.training.resume import check_resume, earlier_rows, earlier_steps, keep_last
from segexp.training.run_facts import run_facts, tracked_facts
from segexp.training.run_parent import run_parent
from segexp.training.run_split import dealt_anew, taken_up
from segexp.training.trainer import build_trainer, time_limit, try_trainer
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
    experiment = taken_up(experiment)
    check_loggers(experiment.logger)
    check_init_from(experiment)
    experiment = with_hardware(experiment)
    check_ranks(experiment)
    place = run_parent(experiment)
    check_place(place, "output_dir")
    callbacks = tried_callbacks(experiment)
    rank = group.join(experiment).rank
    prepared = prepare(experiment, allocator=allocator)
    check_finders(callbacks, prepared.module, prepared.datamodule)
    check_finetuning(callbacks, prepared.module, prepared.module.schedule, experiment.fitting.max_epochs)
    _look_back(prepared, list(callbacks.values()))
    takes = _what_it_takes(prepared, place, list(callbacks.values()))
    takes.refuse()
    if rank > 0:
        # It trains and validates with rank 0, which writes everything and tests alone.
        _fit(prepared, RunFolder(group.broadcast_run_dir()), [], callbacks, takes)
        return {}
    check_place(place, "output_dir", PAGES + (0 if takes.allowed else takes.disk.checkpoints))
    folder = make_run_folder(prepared.experiment)
    group.broadcast_run_dir(folder.path)
    handler = start_log_file(folder.path / "log.txt")
    try:
        return _run(prepared, folder, callbacks, takes)
    finally:
        stop_log_file(handler)


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


def _look_back(prepared: Prepared, callbacks: Sequence[Callback]) -> None:
    """Notes what is frozen, and what differs from the run that it starts or goes on from, and takes up its epochs."""
    experiment, datamodule, start = prepared.experiment, prepared.datamodule, prepared.started_from
    loaded = start.loaded if start is not None else ()
    datamodule.add_notes(describe_random_frozen(experiment, callbacks, prepared.module.model, loaded))
    datamodule.add_notes(experiment.invocation.notes)
    parts = {phase: [item.name for item in datamodule.items(phase)] for phase in PHASES}
    datamodule.add_notes(dealt_anew(experiment, parts))
    datamodule.add_notes(describe_parts(experiment.trainer, prepared.length))
    if experiment.fitting.overfit_batches:
        datamodule.repeat_first_epoch()
    datamodule.begin_at(check_resume(experiment, prepared.module))


def _what_it_takes(prepared: Prepared, place: Path, callbacks: Sequence[Callback]) -> RunEstimate:
    """Memory and disk of a run whose folder is made in ``place``."""
    datamodule = prepared.datamodule
    items = {phase: datamodule.items(phase) for phase in PHASES}
    return estimate_run(prepared.experiment, prepared.module, datamodule, items, place, callbacks)


def make_run_folder(experiment: Experiment) -> RunFolder:
    """The folder with config.yaml, which stays as it is where the run goes on in place."""
    invocation = experiment.invocation
    if invocation.folder is None:
        folder = RunFolder.create(run_parent(experiment))
    else:
        invocation.folder.mkdir(parents=True, exist_ok=invocation.goes_on)
        folder = RunFolder(invocation.folder)
    if not (folder.path / "config.yaml").is_file():
        folder.write_yaml("config.yaml", replace(experiment, name=experiment.run_name).plain())
    return folder


def _run(
    prepared: Prepared, folder: RunFolder, callbacks: Mapping[str, Callback], takes: RunEstimate
) -> dict[str, Any]:
    datamodule = prepared.datamodule
    folder.write_json("split.json", {phase: [i.name for i in datamodule.items(phase)] for phase in PHASES})
    record = RunRecord(folder, prepared.experiment.invocation.command, run_facts(prepared, takes))
    after = Afterwards(folder.path, evaluate_line(folder.path))
    log_summary(folder, datamodule, prepared.module, prepared.experiment.ranks, takes)
    handler = signal.getsignal(signal.SIGINT)
    try:
        content = _fit_and_test(prepared, folder, record, callbacks, after, takes)
    except BaseException as error:
        if was_stopped(error):
            # Lightning switches Ctrl-C off while it shuts down; after fitting, it never switches it on again.
            signal.signal(signal.SIGINT, handler)
        shown = ended(error, folder, record, after)
        if shown is error:
            raise
        raise shown from error
    end(record, "finished", after)
    report = write_page(folder.path)
    LOG.info("\n" + results_table(content))
    LOG.info(f"\nrun folder  {folder.path}\nreport      {report}")
    return content


def _fit_and_test(
    prepared: Prepared,
    folder: RunFolder,
    record: RunRecord,
    callbacks: Mapping[str, Callback],
    after: Afterwards,
    takes: RunEstimate,
) -> dict[str, Any]:
    start = time.perf_counter()
    experiment, module = prepared.experiment, prepared.module
    earlier = earlier_rows(experiment.resume, prepared.datamodule.first_epoch)
    epochs = prepared.length.epochs
    clock = time_limit(experiment.trainer)
    table = EpochTable(folder, experiment.monitor, experiment.direction, epochs, earlier, most_seconds=clock)
    table.keep_steps(
        earlier_steps(experiment.resume, earlier), within=experiment.fitting.val_check_interval is not None
    )
    # A trial run tries the rest: what it logs is no result.
    asked = {} if experiment.trainer.fast_dev_run else experiment.logger
    loggers = build_loggers(asked, tracked_facts(experiment, folder, record.content))
    pruned = False
    try:
        trainer = _fit(prepared, folder, [table, *loggers], callbacks, takes)
        end_if_pruned(trainer)
        ended = "trainer.fast_dev_run" if experiment.trainer.fast_dev_run else why_it_ended(trainer, callbacks)
        seconds, epochs = round(time.perf_counter() - start, 1), trained_epochs(trainer)
        record.update(train_seconds=seconds, epochs=epochs, ended_by=ended)
        best = restore_tested(trainer, prepared, folder)
        data, devices = with_tested_images(prepared), own_device(experiment.trainer)
        # Every later command computes in float32, whatever the training did.
        tested = test(experiment, folder, data, module.float(), best, after, devices)
        after.make("the time of the test in run.json", lambda: record.update(test=dict(tested.speed)))
        step = trainer.global_step
        if loggers:
            shown = "what the loggers show of the test"
            after.make(shown, lambda: tell_test(loggers, tested.content, tested.report(step)))
    except Pruned:
        pruned = True
        raise
    finally:
        close_loggers(loggers, ok=after.complete or pruned)
    return tested.content


def _fit(
    prepared: Prepared,
    folder: RunFolder,
    loggers: list[Logger],
    callbacks: Mapping[str, Callback],
    takes: RunEstimate,
) -> pl.Trainer:
    """Trains, on all ranks together; what comes after is done by one alone."""
    experiment, datamodule, module = prepared.experiment, prepared.datamodule, prepared.module
    place_callbacks(experiment.callbacks, callbacks, folder.path)
    failed = FailedStage()
    own = [*callbacks.values(), *pruning_callbacks(experiment), failed]
    ranks = strategy_arguments(experiment.trainer, module, datamodule)
    trainer = build_trainer(experiment, folder, loggers, own, ranks, prepared.length)
    try:
        trainer.fit(module, datamodule=datamodule, ckpt_path=experiment.resume, weights_only=True)
    except Exception as error:
        if (shown := step_out_of_memory(error, failed.name, takes)) is None:
            raise
        raise shown from error
    group.leave()
    gather_weights(module)
    keep_last(experiment.resume, folder)
    return trainer


def tell_test(loggers: Sequence[Logger], content: Mapping[str, Any], report: TestReport) -> None:
    """Tells the loggers beside metrics.csv how the test ended."""
    best = content["checkpoint"]
    chosen = {} if best["value"] is None else {f"best/{best['monitor']}": best["value"], "best/epoch": best["epoch"]}
    figures = {**headline(content), **chosen}
    tell(loggers, lambda logger: logger.log_metrics(figures, report.step))
    tell(loggers, lambda logger: logger.tested(report))
