"""One experiment from a checked config to a run folder: build, fit, test with the best checkpoint, explain."""

import contextlib
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import SIGTERMException

from segexp.config.measure_names import direction
from segexp.config.quoting import printed
from segexp.data.base import SegmentationDataModule
from segexp.data.sampling.worker_errors import killed_worker
from segexp.data.splits.rules import PHASES
from segexp.errors import Pruned, SegexpError
from segexp.evaluation.afterwards import Afterwards, end, evaluate_line
from segexp.evaluation.pictures import test_pictures
from segexp.evaluation.results import inference
from segexp.evaluation.run_page import write_page
from segexp.evaluation.test import headline, test
from segexp.evaluation.test_report import TestReport, points, worst_first
from segexp.invocation import Invocation
from segexp.report.run_page.rows_table import results_table
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.runs.writable import PAGES, check_place
from segexp.tasks.segmentation import SegmentationModule
from segexp.training.build import build_extra_callbacks
from segexp.training.callbacks.checkpoints import restore_best, state_bytes
from segexp.training.callbacks.places import place_callbacks
from segexp.training.callbacks.pruning import Pruning, end_if_pruned
from segexp.training.callbacks.stopping import Clock
from segexp.training.distributed import process_group as group
from segexp.training.distributed.plan import count
from segexp.training.distributed.strategies import check_ranks, make_whole, spread
from segexp.training.log_summary import announce
from segexp.training.loggers.build import EpochTable, build_loggers, check_loggers, close_loggers
from segexp.training.loggers.tracking import RunFacts, Tracked, tell
from segexp.training.prepare import device_type, prepare
from segexp.training.resume import check_resume, earlier_rows, keep_last
from segexp.training.resume_source import command, needed_words
from segexp.training.run_split import dealt_anew, taken_up
from segexp.training.trainer import build_trainer, check_trainer, try_trainer
from segexp.training.warning_filters import quiet_warnings

Config = dict[str, Any]


class Interrupted(SegexpError):
    """The user pressed Ctrl-C; exit code as shells have it."""

    exit_code = 130


def train(config: Config, invocation: Invocation, *, allocator: bool) -> dict[str, Any]:
    """Runs one experiment.

    Everything that can be wrong with config and data is found before the run folder is made.

    Args:
        config: Checked and resolved.
        invocation: How the run was started.
        allocator: Whether the allocator setting is in force.

    Returns:
        The content of results.json; empty on a rank that only helps.

    Raises:
        UserError: Data or config do not fit.
        Interrupted: Ctrl-C; the run folder holds the last finished epoch.
    """
    start_console()
    quiet_warnings()
    config = taken_up(config)
    check_loggers(config.get("logger", {}))
    check_trainer(config["trainer"])
    check_ranks(config)
    name = config["name"] or _name(invocation)
    place = invocation.folder.parent if invocation.folder is not None else Path(config["output_dir"]) / name
    check_place(place, "output_dir")
    extra = build_extra_callbacks(config)
    try_trainer(config, extra)
    if invocation.trial is not None and invocation.sweep_dir is not None:
        extra.append(Pruning(invocation.trial, invocation.sweep_dir, config["monitor"]))
    rank = group.join(config).rank
    datamodule, module = prepare(config, allocator=allocator)
    datamodule.notes += invocation.notes
    parts = {phase: [item.name for item in datamodule.items(phase)] for phase in PHASES}
    datamodule.notes += dealt_anew(invocation.command, config, parts)
    datamodule.first_epoch = check_resume(config, module)
    if rank > 0:
        # It trains and validates with rank 0, which writes everything and tests alone.
        _fit(config, RunFolder(group.hear_folder()), [], datamodule, module, extra)
        return {}
    check_place(place, "output_dir", PAGES + state_bytes(module.model))
    folder = _run_folder(config, invocation, name)
    group.tell_folder(folder.path)
    handler = start_log_file(folder.path / "log.txt")
    try:
        return _run(config, invocation, folder, datamodule, module, name, extra)
    finally:
        stop_log_file(handler)


def _name(invocation: Invocation) -> str:
    return "_".join(invocation.choices.get(group) or "custom" for group in ("datamodule", "model", "loss"))


def _run_folder(config: Config, invocation: Invocation, name: str) -> RunFolder:
    """The folder with config.yaml, which stays as it is where the run goes on in place."""
    if invocation.folder is None:
        folder = RunFolder.create(Path(config["output_dir"]) / name)
    else:
        invocation.folder.mkdir(parents=True, exist_ok=invocation.goes_on)
        folder = RunFolder(invocation.folder)
    if not (folder.path / "config.yaml").is_file():
        folder.write_yaml("config.yaml", {**config, "name": name})
    return folder


def _run(
    config: Config,
    invocation: Invocation,
    folder: RunFolder,
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    name: str,
    extra: list[Callback],
) -> dict[str, Any]:
    folder.write_json("split.json", {phase: [i.name for i in datamodule.items(phase)] for phase in PHASES})
    record = RunRecord(folder, invocation.command, _facts(config, invocation, datamodule, module, name))
    after = Afterwards(folder.path, evaluate_line(folder.path))
    announce(folder, datamodule, module, count(config["trainer"]))
    handler = signal.getsignal(signal.SIGINT)
    try:
        content = _fit_and_test(config, invocation, folder, record, datamodule, module, extra, after)
    except BaseException as error:
        if _was_stopped(error) or group.interrupted():
            # Lightning switches Ctrl-C off while it shuts down; after fitting, it never switches it on again.
            signal.signal(signal.SIGINT, handler)
        shown = _ended(error, folder, record, after)
        if shown is error:
            raise
        raise shown from error
    end(record, "finished", after)
    report = write_page(folder.path)
    LOG.info("\n" + results_table(content))
    LOG.info(f"\nrun folder  {folder.path}\nreport      {report}")
    return content


def _ended(error: BaseException, folder: RunFolder, record: RunRecord, after: Afterwards) -> BaseException:
    """Records how a run ended otherwise; gives what is to be raised."""
    if _was_stopped(error) or group.interrupted():
        LOG.warning("interrupted")
        # With all figures on the disk there is nothing to go on with: only pictures are missing.
        end(record, "finished" if after.complete else "interrupted", after)
        write_page(folder.path)
        return Interrupted(after.summary() if after.complete else _how_to_go_on(folder))
    if isinstance(error, Pruned):
        LOG.info(str(error))
        end(record, "pruned", after, ended_by=str(error))
        write_page(folder.path)
        return error
    shown = killed_worker(error) or group.reason(error)
    LOG.error(f"the run failed: {type(shown).__name__}: {shown}")
    with contextlib.suppress(OSError):  # on a full disk run.json cannot say so
        end(record, "failed", after, error=f"{type(shown).__name__}: {shown}")
    if (folder.checkpoints / "best.ckpt").is_file() and not after.complete:
        LOG.info(f"the best weights so far are kept; to test them: {after.again}")
    if not after.complete and (told := still_valid(folder)):
        LOG.info(told)
    return shown


def _was_stopped(error: BaseException) -> bool:
    """Ctrl-C itself, or the exit that Lightning makes of it or of SIGTERM (timeout, a scheduler)."""
    return isinstance(error, KeyboardInterrupt | SIGTERMException) or (
        isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)
    )


def _how_to_go_on(folder: RunFolder) -> str:
    last = folder.checkpoints / "last.ckpt"
    if not last.is_file():
        return f"interrupted before an epoch was finished; what there is lies in {folder.path}"
    word = printed("resume", str(last))
    line = command(last, *needed_words(folder.path))
    return f"interrupted; the finished epochs are saved: add {word} to the same command to go on, or run {line}"


def still_valid(folder: RunFolder) -> str:
    """What of a failed run can be gone on with, and how; empty where no epoch was finished."""
    last = folder.checkpoints / "last.ckpt"
    if not last.is_file():
        return ""
    epochs = int(torch.load(last, map_location="cpu", weights_only=True, mmap=True)["epoch"]) + 1
    line = command(last, *needed_words(folder.path))
    return f"the first {epochs} epochs are kept in {last}; to go on after them: {line}"


def _facts(
    config: Config,
    invocation: Invocation,
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    name: str,
) -> dict[str, Any]:
    parameters = sum(p.numel() for p in module.model.parameters())
    trainable = sum(p.numel() for p in module.model.parameters() if p.requires_grad)
    device = device_type(config)
    return {
        "name": name,
        "seed": config["seed"],
        "overrides": list(invocation.overrides),
        "choices": invocation.choices,
        "job": invocation.job,
        "device": torch.cuda.get_device_name() if device == "cuda" else device,
        "threads": torch.get_num_threads(),
        "ranks": count(config["trainer"]),
        "speed": vars(module.speed),
        "inference": {phase: inference(module, datamodule.items(phase)) for phase in ("val", "test")},
        "model": {
            "name": invocation.choices.get("model", config["model"]["_target_"]),
            "parameters": parameters,
            "trainable": trainable,
        },
        "loss": {"name": invocation.choices.get("loss", config["loss"]["_target_"]), **module.loss.resolved()},
        "data": {"name": invocation.choices.get("datamodule", "data"), **datamodule.describe()},
    }


def _fit_and_test(
    config: Config,
    invocation: Invocation,
    folder: RunFolder,
    record: RunRecord,
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    extra: list[Callback],
    after: Afterwards,
) -> dict[str, Any]:
    start = time.perf_counter()
    monitor, epochs = config["monitor"], config["trainer"]["max_epochs"]
    earlier = earlier_rows(config["resume"], datamodule.first_epoch)
    table = EpochTable(folder, monitor, direction(monitor), epochs, earlier)
    loggers = build_loggers(config.get("logger", {}), _run_facts(config, invocation, folder, record))
    pruned = False
    try:
        trainer = _fit(config, folder, [table, *loggers], datamodule, module, extra)
        end_if_pruned(trainer)
        ended = _why_it_ended(trainer)
        record.update(train_seconds=round(time.perf_counter() - start, 1), epochs=trainer.current_epoch, ended_by=ended)
        best = restore_best(trainer, module, folder)
        content = test(config, folder, datamodule, module, best, invocation.choices.get("datamodule", "data"), after)
        after.make("the time of the test in run.json", lambda: record.update(test=module.tested.speed))
        step = trainer.global_step
        if loggers:
            shown = "what the loggers show of the test"
            after.make(shown, lambda: _tell(loggers, content, folder, module, datamodule, step))
    except Pruned:
        pruned = True
        raise
    finally:
        close_loggers(loggers, ok=after.complete or pruned)
    return content


def _fit(
    config: Config,
    folder: RunFolder,
    loggers: list[Logger],
    datamodule: SegmentationDataModule,
    module: SegmentationModule,
    extra: list[Callback],
) -> pl.Trainer:
    """Trains, on all ranks together; what comes after is done by one alone."""
    place_callbacks(config["callbacks"]["extra"], extra, folder.path)
    trainer = build_trainer(config, folder, loggers, extra, spread(module, datamodule))
    trainer.fit(module, datamodule=datamodule, ckpt_path=config["resume"], weights_only=True)
    group.leave()
    make_whole(module)
    keep_last(config["resume"], folder)
    return trainer


def _why_it_ended(trainer: pl.Trainer) -> str:
    """What ended training, for run.json; said on the terminal where it is not the planned end."""
    if trainer.current_epoch >= (trainer.max_epochs or 0):
        return "trainer.max_epochs"
    stopping = trainer.early_stopping_callback
    early = stopping is not None and stopping.stopped_epoch > 0
    clock = next((found for found in trainer.callbacks if isinstance(found, Clock)), None)  # type: ignore[attr-defined]
    late = clock is not None and (clock.time_remaining() or 0) <= 0
    why = "callbacks.early_stopping" if early else "trainer.max_time" if late else "a callback"
    LOG.info(f"training ended after epoch {trainer.current_epoch} by {why}")
    return why


def _tell(
    loggers: Sequence[Tracked],
    content: Mapping[str, Any],
    folder: RunFolder,
    module: SegmentationModule,
    datamodule: SegmentationDataModule,
    step: int,
) -> None:
    """Tells the loggers beside metrics.csv how the test ended."""
    best = content["checkpoint"]
    curve = module.tested.scores.curve() if module.spec.is_binary else None
    report = TestReport(
        content,
        worst_first(folder.path / "per_image.csv", module.spec.classes),
        test_pictures(module, datamodule, content["panels"]),
        points(curve.roc() if curve else None, "fpr", "tpr"),
        points(curve.pr() if curve else None, "recall", "precision"),
        step,
    )
    figures = {**headline(content), f"best/{best['monitor']}": best["value"], "best/epoch": best["epoch"]}
    tell(loggers, lambda logger: logger.log_metrics(figures, step))
    tell(loggers, lambda logger: logger.tested(report))


def _run_facts(config: Config, invocation: Invocation, folder: RunFolder, record: RunRecord) -> RunFacts:
    """What the loggers beside metrics.csv are told."""
    model, git = record.content["model"], record.content["git"]
    return RunFacts(
        folder=folder.path,
        output_dir=Path(config["output_dir"]),
        name=" ".join(invocation.overrides) or None,
        group=invocation.sweep_dir.name if invocation.sweep_dir is not None else None,
        config=config,
        monitor=config["monitor"],
        direction=direction(config["monitor"]),
        summary={
            "parameters": model["parameters"],
            "trainable_parameters": model["trainable"],
            "commit": git["commit"],
            "uncommitted_changes": git["dirty"],
            "segexp": record.content["versions"]["segexp"],
        },
    )
