"""Jobs with more ranks than they ask GPUs or cores of a cluster for are refused before the first starts."""

import re
from pathlib import Path
from typing import Any

import pytest

from segexp.cli.app import run
from segexp.errors import ConfigError
from segexp.sweeps.cluster_resources import refuse_too_little
from tests.sweeps.made import create, experiment, planned, section
from tests.training.runs import TINY


def compare(engine: str, asked: dict[str, Any], **trainer: Any) -> None:
    jobs = [experiment(trainer={"accelerator": "auto", **each}).trainer for each in ({}, trainer)]
    refuse_too_little(section(engine=engine, **{engine: asked}), jobs)


@pytest.mark.parametrize(
    ("engine", "asked", "trainer", "said"),
    [
        (
            "slurm", {"gpus": 1, "cpus": 8}, {"devices": 2},
            "sweep.slurm.gpus: found 1, but trainer.devices=2 with trainer.accelerator=auto needs 2, one for each "
            "rank; use sweep.slurm.gpus=2, or trainer.devices=1",
        ),
        ("ray", {"gpus": 0.5}, {"devices": 4}, "sweep.ray.gpus: found 0.5, but trainer.devices=4 "),
        ("ray", {}, {"devices": "auto", "accelerator": "gpu"}, "sweep.ray.gpus: found 0, but trainer.devices=auto "),
        ("slurm", {}, {"accelerator": "gpu"}, "use sweep.slurm.gpus=1, or trainer.accelerator=cpu"),
        (
            "slurm", {}, {"devices": 2},
            "sweep.slurm.cpus: found 1, but trainer.devices=2 makes 2 ranks on the processor, a core for each; use "
            "sweep.slurm.cpus=2, or trainer.devices=1, or for GPUs sweep.slurm.gpus=2",
        ),
        ("ray", {"cpus": 2, "gpus": 3}, {"devices": 3, "accelerator": "cpu"}, "sweep.ray.cpus: found 2, but "),
        ("local", {}, {"num_nodes": 2}, "trainer.num_nodes: found 2, but a job of a sweep runs on one machine"),
    ],
)  # fmt: skip
def test_refused(engine: str, asked: dict[str, Any], trainer: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        compare(engine, asked, **trainer)


@pytest.mark.parametrize(
    ("engine", "asked", "trainer"),
    [
        ("slurm", {"gpus": 2}, {"devices": 2, "accelerator": "gpu"}),
        ("slurm", {"gpus": 4}, {"devices": "auto"}),
        ("slurm", {"cpus": 4}, {"devices": 4}),
        ("slurm", {"options": {"gres": "gpu:a100:2"}}, {"devices": 2, "accelerator": "gpu"}),
        ("ray", {"gpus": 0.5}, {"devices": 1, "accelerator": "gpu"}),
        ("ray", {}, {"devices": "auto"}),
        ("local", {}, {"devices": 8, "accelerator": "gpu"}),
    ],
)
def test_enough(engine: str, asked: dict[str, Any], trainer: dict[str, Any]) -> None:
    compare(engine, asked, **trainer)


def test_on_the_command_line_nothing_is_written(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ("sweep.engine=slurm", "sweep.slurm.gpus=1", "trainer.accelerator=auto")
    line = ["-m", *TINY, *asked, "trainer.devices=1,2"]
    assert run(line) == 2
    assert capsys.readouterr().err.startswith("segexp: sweep.slurm.gpus: found 1, but trainer.devices=2 ")
    assert run([*line, "sweep=optuna", "sweep.jobs=1", "optimizer.lr=log(1e-4,1e-2)"]) == 2
    assert capsys.readouterr().err.startswith("segexp: sweep.slurm.gpus: found 1, but trainer.devices=2 ")
    assert list(elsewhere.iterdir()) == []


def test_a_sweep_that_goes_on_elsewhere(elsewhere: Path, capsys: pytest.CaptureFixture[str]) -> None:
    create(elsewhere / "sweep", planned(["seed=0"], ["seed=1"], trainer={"devices": 3}))
    assert run(["sweep.resume=sweep", "sweep.engine=ray", "sweep.ray.cpus=2"]) == 2
    assert "segexp: sweep.ray.cpus: found 2, but trainer.devices=3 makes 3 ranks" in capsys.readouterr().err
