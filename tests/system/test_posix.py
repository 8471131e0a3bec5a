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
    ["check", "scope=config", "-m", "seed=0,1"],
    ["-m", "seed=0,1"],
    ["sweep=optuna", "optimizer.lr=log(1e-4,1e-2)"],
    ["trainer.devices=2", "trainer.accelerator=cpu"],
]
TRAINS = [
    [LIGHTNING],
    [*TINY, *RUN],
    ["generate", "out=drawn", "count=1", "size=32"],
    ["predict", "run=runs/here/*", "input=drawn/training/images", "device=cpu", "output=masks"],
    ["report", "run=runs/here/*"],
    ["compare", "runs/here"],
    ["export", "run=runs/here/*", "format=torchscript"],
]


def ran(lines: list[list[str]]) -> list[dict[str, Any]]:
    """What each of several command lines did in a process without POSIX, in the present folder."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.system.without_posix"],
        input=json.dumps(lines),
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_it_starts_and_checks_and_names_what_is_lacking_for_several_processes() -> None:
    found = ran(LINES)
    assert [answer["code"] for answer in found] == [0, 0, 2, 2, 2], found
    assert found[1]["out"].count("config is valid") == 2
    assert not any(answer["torch"] for answer in found)
    for answer, word in zip(found[2:], ("-m", "sweep=optuna", "trainer.devices=2"), strict=True):
        assert answer["err"].count("\n") == 1, answer["err"]
        assert answer["err"].startswith(f"segexp: {word}: takes processes that are forked, signalled and locked")
        assert "has no fcntl, resource, os.fork, os.killpg and 9 more; " in answer["err"]


@pytest.mark.slow
def test_one_process_trains_predicts_reports_and_exports(tmp_path: Path) -> None:
    found = ran(TRAINS)
    assert [answer["code"] for answer in found] == [0] * 6, found
    (run,) = (tmp_path / "runs/here").glob("*/")
    assert json.loads((run / "results.json").read_text())["kind"] == "segmentation"
    assert (run / "checkpoints/best.ckpt").is_file()
    assert (run / "report.html").is_file()
    assert list((tmp_path / "masks").rglob("*.png"))
    assert (tmp_path / "runs/here/summary.csv").is_file()


def test_here_nothing_is_lacking(monkeypatch: pytest.MonkeyPatch) -> None:
    assert posix.lacking() == []
    posix.require_posix("-m", "")
    monkeypatch.delattr(os, "fork")
    with pytest.raises(ConfigError, match=r"^-m: .* has no os\.fork; wait, or start it on Linux"):
        posix.require_posix("-m", "wait")
