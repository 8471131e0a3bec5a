"""The test: best weights, baselines, pictures, results.json."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import torch

from segexp.config.experiment import Experiment
from segexp.data.base import ImageDataModule
from segexp.evaluation.afterwards import Afterwards
from segexp.evaluation.outcome import Outcome
from segexp.evaluation.references import reference_entries
from segexp.evaluation.test_kinds import test_of
from segexp.evaluation.test_report import TestReport
from segexp.evaluation.tester import build_tester
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.tasks.base import BaseTask
from segexp.tasks.dense import DenseTask

LONG = 5.0
"""Seconds from which on the time that measures took is worth a line."""


@dataclass(frozen=True)
class FinishedTest:
    """A test whose files are written.

    Attributes:
        content: Of results.json.
        speed: For run.json: results.json is the same, to the last byte, of the same command.
        report: What the loggers are told, given the optimiser steps of the training.
    """

    content: dict[str, Any]
    speed: Mapping[str, float]
    report: Callable[[int], TestReport]


def test(
    experiment: Experiment,
    folder: RunFolder,
    datamodule: ImageDataModule,
    task: BaseTask,
    best: Mapping[str, Any],
    after: Afterwards,
    devices: int | list[int] = 1,
    training: Mapping[str, Any] = MappingProxyType({}),
) -> FinishedTest:
    """Tests the restored weights, writes results.json, and then all that hangs on it: baselines, tables, pictures.

    ``devices`` is that of the training, where it is of one process; ``training`` is what results.json says of it.
    """
    section = experiment.trainer
    tester = build_tester(section.accelerator, section.deterministic, devices, watchdog=section.watchdog)
    if experiment.tta != "none" and isinstance(task, DenseTask):
        task = task.seen_by(tta=experiment.tta)
        # Averaged logits are calmer: the threshold is chosen again, on validation images seen the same way.
        tester.validate(task, datamodule=datamodule, verbose=False)
    task = task.unlogged()
    start = time.perf_counter()
    tester.test(task, datamodule=datamodule, verbose=False)
    seconds = time.perf_counter() - start
    found = test_of(task)(task, datamodule, best, experiment.data_name, experiment.seed)
    _say_seconds(found.seconds)
    trivial = found.trivial_rows() if experiment.baselines else {}

    def written(rows: Any, resamples: int) -> dict[str, Any]:
        content = {**found.content(rows, resamples), **training}
        beside = reference_entries(experiment, content, folder.path / "metrics.csv") if experiment.references else []
        return {**content, "references": beside} if beside else content

    outcome = Outcome(folder, found.rows(), {**trivial, **found.other_rows()}, found.names, written)
    content = outcome.write(after, experiment.bootstrap, lambda row: found.draw(folder, row, experiment.panels, after))
    speed = _speed(seconds - sum(found.seconds.values()), len(found.names))
    return FinishedTest(content, speed, partial(found.report, content, folder.path / "per_image.csv"))


def _speed(seconds: float, images: int) -> dict[str, float]:
    """How fast the test images were seen: loading, forward passes of all views and counting, no costly measures."""
    found = {"test_seconds": round(seconds, 4), "images_per_second": round(images / max(seconds, 1e-6), 2)}
    if torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        found["peak_gpu_memory_mb"] = round(torch.cuda.max_memory_allocated() / 1e6, 1)
    return found


def _say_seconds(seconds: Mapping[str, float]) -> None:
    """Names the costly measures where they took long, so that they can be switched off."""
    if sum(seconds.values()) >= LONG:
        message = ", ".join(f"{name} {value:.1f}" for name, value in sorted(seconds.items(), key=lambda pair: -pair[1]))
        LOG.info(f"measures    {message} s on the model's test images; choose with metric=[...] or metric=none")
