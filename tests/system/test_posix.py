"""One process trains, predicts and reports anywhere; what takes several says in a line what it lacks."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import ConfigError
from segexp.system import posix
from tests.lines import ROOT
from tests.system.without_posix import LIGHTNING
from tests.training.runs import TINY

RUN = [
    "name=here",
    "output_dir=runs",
    "bootstrap=0",
    "metric=none",
    "panels=1",
    "baselines=false",
    "trainer.max_epochs=1",
]
LINES = [
    ["--version"],
    ["help", "model=unet"],
    ["check", "scope=config", "-m", "seed=0,1"],
    ["-m", "seed=0,1"],
    ["sweep=optuna", "optimizer.lr=log(1e-4,1e-2)"],
    ["trainer.devices=2", "trainer.accelerator=cpu"],
    [LIGHTNING],
    ["generate", "out=drawn", "count=1", "size=32"],
    [*TINY, *RUN],
    ["predict", "run=runs/here/*", "input=drawn/training/images", "device=cpu", "output=masks"],
    ["report", "run=runs/here/*"],
    ["compare", "runs/here"],
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("without_posix")
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.without_posix"],
        input=json.dumps(LINES),
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def test_it_starts_checks_trains_predicts_and_reports(answers: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, found = answers
    assert [answer["code"] for answer in found] == [0, 0, 0, 2, 2, 2, 0, 0, 0, 0, 0], found
    assert found[2]["out"].count("config is valid") == 2
    assert not found[5]["torch"]
    (run,) = (folder / "runs/here").glob("*/")
    assert json.loads((run / "results.json").read_text())["kind"] == "segmentation"
    assert (run / "checkpoints/best.ckpt").is_file()
    assert (run / "report.html").is_file()
    assert list((folder / "masks").rglob("*.png"))
    assert (folder / "runs/here/summary.csv").is_file()


def test_what_takes_several_processes_names_what_is_lacking(answers: tuple[Path, list[dict[str, Any]]]) -> None:
    _, found = answers
    for answer, word in zip(found[3:6], ("-m", "sweep=optuna", "trainer.devices=2"), strict=True):
        assert answer["err"].count("\n") == 1, answer["err"]
        assert answer["err"].startswith(f"segexp: {word}: takes processes that are forked, signalled and locked")
        assert "has no fcntl, resource, os.fork, os.killpg and 9 more; " in answer["err"]


def test_here_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posix.lacking() == []
    posix.require_posix("-m", "")
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ConfigError, match=r"^-m: .* has no os\.fork; wait, or start it on Linux"):
        posix.require_posix("-m", "wait")
