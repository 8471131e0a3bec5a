"""Ranks that torchrun has started train as those that segexp starts, and end with the exit code of segexp."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.sweeps.real import run
from tests.training.runs import TINY, folders, read_json

pytestmark = pytest.mark.slow


def torchrun(*overrides: str) -> "subprocess.CompletedProcess[str]":
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    return run([*launcher, "-m", "segexp", *TINY, "trainer.devices=2", *overrides])


def test_the_figures_are_those_of_ranks_that_segexp_starts() -> None:
    ended = torchrun("output_dir=theirs")
    assert ended.returncode == 0, ended.stderr
    assert run([sys.executable, "-m", "segexp", *TINY, "trainer.devices=2", "output_dir=ours"]).returncode == 0
    (theirs,), (ours,) = folders(Path("theirs")), folders(Path("ours"))
    first, second = read_json(theirs / "results.json"), read_json(ours / "results.json")
    assert first["rows"] == second["rows"]
    assert first["rows"]


def test_a_failure_is_no_abort() -> None:
    """Taken apart in their group, one of six trainings like this one ended by SIGABRT."""
    for _ in range(4):
        ended = torchrun("optimizer=sgd", "optimizer.lr=1e38")
        assert "segexp: the loss is nan" in ended.stderr
        assert "terminate called" not in ended.stderr
        assert "exitcode  : 1 " in ended.stderr
        assert "SIGABRT" not in ended.stderr
