"""One experiment with a LightningModule or LightningDataModule of the user's own, from config to run folder."""

import signal
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from segexp.config.experiment import Experiment
from segexp.config.trainer import is_part
from segexp.errors import Pruned
from segexp.evaluation.afterwards import Afterwards, end, report_line
from segexp.evaluation.run_page import write_page
from segexp.evaluation.test_report import TestReport
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.runs.writable import PAGES, check_place
from segexp.training.callbacks.checkpoints import restore_best, restore_last, state_bytes
from segexp.training.callbacks.places import place_callbacks
from segexp.training.callbacks.pruning import end_if_pruned
from segexp.training.endings import ended, trained_epochs, was_stopped, why_it_ended
from segexp.training.hardware import with_hardware
from segexp.training.loggers.build import build_loggers, check_loggers, close_loggers
from segexp.training.plain.build import build_data, build_module
from segexp.training.plain.hyper_parameters import PlainHyperParameters
from segexp.training.plain.partial import describe_training
from segexp.training.plain.resume import check_plain_resume
from segexp.training.plain.table import CloseRows, LoggedTable
from segexp.training.plain.test import test_logged
from segexp.training.resume import earlier_rows, earlier_steps, keep_last
from segexp.training.resume_source import checkpoint_of
from segexp.training.run_facts import tracked_facts
from segexp.training.run_parent import run_parent
from segexp.training.train import (
    make_run_folder,
    pruning_callbacks,
    tell_test,
    tried_callbacks,
)
from segexp.training.trainer import build_trainer
from segexp.training.warning_filters import quiet_warnings


def train_plain(experiment: Experiment) -> dict[str, Any]:
    """Trains, tests by what the module logs, and writes the run folder that every run has.

    Args:
        experiment: As the command line or a sweep hands it down.

    Returns:
        The content of results.json.

    Raises:
        UserError: Config, module or datamodule do not fit; nothing is written then.
        Interrupted: Ctrl-C; the run folder holds the last finished epoch.
    """
    start_console()
    quiet_warnings()
    check_loggers(experiment.logger)
    experiment = with_hardware(replace(experiment, resume=checkpoint_of(experiment.resume)))
    place = run_parent(experiment)
    check_place(place, "output_dir")
    callbacks = tried_callbacks(experiment)
    pl.seed_everything(experiment.seed, workers=True, verbose=False)
    datamodule = build_data(experiment)
    module = build_module(experiment, datamodule)
    first = check_plain_resume(experiment, module)
    check_place(place, "output_dir", PAGES + state_bytes(module))
    folder = make_run_folder(experiment)
    handler = start_log_file(folder.path / "log.txt")
    try:
        return _run(experiment, datamodule, module, folder, callbacks, first)
    finally:
        stop_log_file(handler)


def _run(
    experiment: Experiment,
    datamodule: pl.LightningDataModule,
    module: pl.LightningModule,
    folder: RunFolder,
    callbacks: Mapping[str, Callback],
    first_epoch: int,
) -> dict[str, Any]:
    record = RunRecord(folder, experiment.invocation.command, _facts(experiment, module))
    after = Afterwards(folder.path, report_line(folder.path), tests=False)
    LOG.info(f"run folder  {folder.path}")
    LOG.info(f"data        {type(datamodule).__name__}")
    LOG.info(f"model       {type(module).__name__}, {record.content['model']['parameters']:,} parameters")
    handler = signal.getsignal(signal.SIGINT)
    try:
        content = _fit_and_test(experiment, datamodule, module, folder, record, callbacks, after, first_epoch)
    except BaseException as error:
        if was_stopped(error):
            signal.signal(signal.SIGINT, handler)
        shown = ended(error, folder, record, after)
        if shown is error:
            raise
        raise shown from error
    end(record, "finished", after)
    report = write_page(folder.path)
    for name, value in content["rows"][0]["dataset"].items():
        LOG.info(f"{content['split']['name']:<11} {name} {value}")
    LOG.info(f"\nrun folder  {folder.path}\nreport      {report}")
    return content


def _fit_and_test(
    experiment: Experiment,
    datamodule: pl.LightningDataModule,
    module: pl.LightningModule,
    folder: RunFolder,
    record: RunRecord,
    callbacks: Mapping[str, Callback],
    after: Afterwards,
    first_epoch: int,
) -> dict[str, Any]:
    start = time.perf_counter()
    earlier = earlier_rows(experiment.resume, first_epoch)
    section, trial = experiment.fitting, experiment.trainer.fast_dev_run
    epochs = section.max_epochs if section.max_epochs is not None and section.max_epochs > 0 else None
    table = LoggedTable(folder, experiment.monitor, experiment.direction, epochs, earlier)
    table.keep_steps(earlier_steps(experiment.resume, earlier), within=section.val_check_interval is not None)
    # A trial run tries the rest: what it logs is no result.
    loggers = build_loggers({} if trial else experiment.logger, tracked_facts(experiment, folder, record.content))
    pruned = False
    try:
        place_callbacks(experiment.callbacks, callbacks, folder.path)
        own = [CloseRows(table), PlainHyperParameters(), *callbacks.values(), *pruning_callbacks(experiment)]
        trainer = build_trainer(experiment, folder, [table, *loggers], own)
        trainer.fit(module, datamodule=datamodule, ckpt_path=experiment.resume, weights_only=True)
        keep_last(experiment.resume, folder)
        end_if_pruned(trainer)
        seconds = round(time.perf_counter() - start, 1)
        reason = "trainer.fast_dev_run" if trial else why_it_ended(trainer, callbacks)
        record.update(train_seconds=seconds, epochs=trained_epochs(trainer), ended_by=reason)
        best, notes = _restored(experiment, trainer, module, folder), list(describe_training(experiment, trainer))
        content = test_logged(experiment, folder, module, datamodule, best, notes)
        after.complete = True
        report = TestReport(content, [], [], [], [], trainer.global_step)
        after.make("what the loggers show of the test", lambda: tell_test(loggers, content, report))
    except Pruned:
        pruned = True
        raise
    finally:
        close_loggers(loggers, ok=after.complete or pruned)
    return content


def _restored(
    experiment: Experiment, trainer: pl.Trainer, module: pl.LightningModule, folder: RunFolder
) -> dict[str, Any]:
    """The weights that are tested: the best ones, or after validations that saw a part of their data the last ones."""
    if is_part(experiment.fitting.limit_val_batches):
        return restore_last(module, folder)
    return restore_best(trainer, module, folder)


def _facts(experiment: Experiment, module: pl.LightningModule) -> dict[str, Any]:
    """What run.json says of the run when it starts."""
    invocation, parameters = experiment.invocation, list(module.parameters())
    return {
        "name": experiment.run_name,
        "seed": experiment.seed,
        "overrides": list(invocation.overrides),
        "choices": invocation.choices,
        "job": invocation.job,
        "device": torch.cuda.get_device_name() if experiment.device == "cuda" else experiment.device,
        "threads": torch.get_num_threads(),
        "ranks": experiment.ranks,
        "model": {
            "name": experiment.task_class.rpartition(".")[2],
            "parameters": sum(p.numel() for p in parameters),
            "trainable": sum(p.numel() for p in parameters if p.requires_grad),
        },
        "data": {"name": experiment.datamodule["_target_"].rpartition(".")[2]},
    }
