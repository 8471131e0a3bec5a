"""A training from Python is that of the command line, and leaves its process as it was."""

import json
import logging
import os
import signal
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from segexp import Run, compose, train
from segexp.errors import ConfigError, DataError
from segexp.training.commands import run_training
from tests.api.conftest import FromPython
from tests.training.runs import TINY, folders

BRIEF = (*TINY, "metric=none", "baselines=false", "bootstrap=0", "panels=0", "trainer.max_epochs=1")


def test_the_run_folder_is_that_of_the_command_line(from_python: FromPython) -> None:
    run = from_python.run
    assert run.state == "finished"
    assert {path.name for path in run.path.iterdir()} >= {
        "checkpoints", "config.yaml", "log.txt", "metrics.csv", "panels", "per_image.csv", "report.html",
        "results.json", "run.json", "split.json",
    }  # fmt: skip
    assert run.record["command"].startswith("python -m segexp train ")
    assert "epoch 2/2" in from_python.out
    assert str(run.path) in from_python.out


def test_the_process_is_left_as_it_was(from_python: FromPython) -> None:
    torch.manual_seed(3)
    assert float(torch.rand(())) == from_python.number
    assert not torch.are_deterministic_algorithms_enabled()


def test_two_trainings_of_one_process_give_what_two_processes_give() -> None:
    before = dict(os.environ), logging.getLogger("segexp").handlers[:], signal.getsignal(signal.SIGINT)
    filters, numbers = list(warnings.filters), np.random.get_state()[1]
    first, second = train(*BRIEF), train(compose(*BRIEF))
    assert first.path != second.path
    assert first.figures == second.figures
    assert (dict(os.environ), logging.getLogger("segexp").handlers[:], signal.getsignal(signal.SIGINT)) == before
    assert list(warnings.filters) == filters
    assert np.array_equal(np.random.get_state()[1], numbers)
    run_training(compose(*BRIEF))
    alone = json.loads((folders()[-1] / "results.json").read_text())
    assert alone["rows"] == first.results["rows"]


def test_a_mistake_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="both"):
        train(compose(*BRIEF), "seed=1")
    with pytest.raises(ConfigError, match="sweep"):
        train(*BRIEF, "-m")
    experiment = compose(*BRIEF)
    with pytest.raises(ConfigError, match="resume: no file nowhere"):
        train(replace(experiment, resume="nowhere"))
    assert not list(tmp_path.iterdir())
    assert "segexp.api" in sys.modules


def test_what_is_no_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no run\.json"):
        Run(str(tmp_path))
