"""A run that repeats another, or goes on with it, has as many threads: its last digits depend on them."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from segexp.cli.kept_threads import recorded_threads
from segexp.system.cores import CORES
from segexp.training.commands import _keep_threads
from tests.config.reruns import Line

RESULT = "OMP_NUM_THREADS=2, but that run had threads=3: the last digits of a training depend on it"


@pytest.fixture
def line(monkeypatch: pytest.MonkeyPatch) -> Line:
    for name in ("OMP_NUM_THREADS", CORES):
        monkeypatch.delenv(name, raising=False)
    return Line(monkeypatch)


def of_threads(line: Line, threads: Any) -> Path:
    run = line.stored(Path("run"), "model=unet_little")
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "threads": threads, "state": "interrupted"}))
    return run


@pytest.mark.parametrize("words", [(), ("name=again",), ("output_dir=elsewhere",), ("logger=[]",)])
def test_a_repeated_run_keeps_them(line: Line, words: tuple[str, ...]) -> None:
    _, invocation = line.one(f"from={of_threads(line, 3)}", *words)
    assert (invocation.threads, invocation.goes_on, invocation.notes) == (3, False, ())


def test_so_does_one_that_goes_on(line: Line) -> None:
    _, invocation = line.one(f"resume={of_threads(line, 3)}")
    assert (invocation.threads, invocation.goes_on, invocation.notes) == (3, True, ())


@pytest.mark.parametrize("word", ["seed=5", "model.base=4", "loss=bce_dice"])
def test_another_experiment_takes_those_of_the_machine(line: Line, word: str) -> None:
    assert line.one(f"from={of_threads(line, 3)}", word)[1].threads is None


@pytest.mark.parametrize("key", ["from", "resume"])
def test_who_sets_them_has_decided_and_is_told(line: Line, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run = of_threads(line, 3)
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    _, invocation = line.one(f"{key}={run}")
    assert (invocation.threads, invocation.notes) == (None, (RESULT,))
    # A sweep or a launcher sets both.
    monkeypatch.setenv(CORES, "2")
    _, invocation = line.one(f"{key}={run}")
    assert (invocation.threads, invocation.notes) == (3, ())


@pytest.mark.parametrize("found", [None, True, "4", 2.0, 0, -1, 10**9, [1], {}])
def test_a_run_folder_of_others_tells_no_number(found: Any) -> None:
    assert recorded_threads({"threads": found}) is None
    assert recorded_threads({}) is None


def test_torch_takes_them() -> None:
    before = torch.get_num_threads()
    try:
        _keep_threads(before + 1)
        assert torch.get_num_threads() == before + 1
        _keep_threads(None)
        assert torch.get_num_threads() == before + 1
    finally:
        torch.set_num_threads(before)
