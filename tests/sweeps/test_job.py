"""A job in this process: where it starts, how it ends, and a power cut between any two of its writes."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.sweeps import job as jobs
from segexp.sweeps.job import INTERRUPTED, run_job
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import Plan
from tests.sweeps.made import create, seeds
from tests.sweeps.real import QUICK, results
from tests.training.runs import composed


@pytest.fixture
def trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, Invocation]]:
    """A sweep of one job in ``tmp_path`` whose training only notes that it was called."""
    create(tmp_path, seeds(0))
    calls: list[tuple[Any, Invocation]] = []

    def train(experiment: Experiment) -> None:
        invocation = experiment.invocation
        calls.append((experiment.resume, invocation))
        assert invocation.folder is not None
        invocation.folder.mkdir(exist_ok=invocation.goes_on)
        (invocation.folder / "results.json").touch()

    monkeypatch.setattr(jobs, "run_training", train)
    return calls


def state(tmp_path: Path) -> Any:
    return JobFiles(tmp_path, 0).outcome()


def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "000_model-cunet_seed-0" / "checkpoints" / "last.ckpt"
    path.parent.mkdir(parents=True)
    path.touch()
    return path


def raising(error: BaseException) -> Callable[..., None]:
    def fail(*_: Any) -> None:
        raise error

    return fail


def test_from_the_start_and_from_the_last_checkpoint(tmp_path: Path, trained: list[tuple[Any, Invocation]]) -> None:
    assert run_job(tmp_path, 0) == 0
    assert state(tmp_path) == ("finished", None)
    resume, invocation = trained.pop()
    folder = tmp_path / "000_model-cunet_seed-0"
    assert (resume, invocation.folder, invocation.goes_on, invocation.job) == (None, folder, False, 0)
    last = folder / "checkpoints" / "last.ckpt"
    last.parent.mkdir()
    last.touch()
    (folder / ".results.json.x7y8z9ab").touch()
    (folder / "wandb").mkdir()
    (folder / "wandb" / ".keep").touch()
    for outcome in ("interrupted", None):
        if outcome is None:
            JobFiles(tmp_path, 0).forget_outcome()
        else:
            JobFiles(tmp_path, 0).write_outcome("interrupted")
        assert run_job(tmp_path, 0) == 0
        resume, invocation = trained.pop()
        assert (resume, invocation.folder, invocation.goes_on) == (str(last), folder, True)
    assert not (folder / ".results.json.x7y8z9ab").exists()
    assert (folder / "wandb" / ".keep").exists()


def test_without_a_checkpoint_the_folder_is_made_anew(tmp_path: Path, trained: list[tuple[Any, Invocation]]) -> None:
    folder = tmp_path / "000_model-cunet_seed-0"
    folder.mkdir()
    (folder / "log.txt").touch()
    assert run_job(tmp_path, 0) == 0
    assert trained[0][0] is None
    assert [path.name for path in folder.iterdir()] == ["results.json"]
    assert not list((tmp_path / "jobs/000").glob(".attempt*"))


def test_a_failed_job_starts_anew_and_keeps_the_old_folder(
    tmp_path: Path, trained: list[tuple[Any, Invocation]]
) -> None:
    checkpoint(tmp_path)
    JobFiles(tmp_path, 0).write_outcome("failed", "x")
    assert run_job(tmp_path, 0) == 0
    assert trained[0][0] is None
    assert (tmp_path / "jobs/000/.attempt_1/checkpoints/last.ckpt").is_file()
    assert state(tmp_path) == ("finished", None)


def test_what_ctrl_c_breaks_in_a_library_is_an_interruption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a failed job it would start anew, without its epochs."""
    create(tmp_path, seeds(0))

    def train(_: Experiment) -> None:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            raise RuntimeError("a library says that something is wrong") from None

    monkeypatch.setattr("segexp.training.commands._run_training", train)
    assert run_job(tmp_path, 0) == INTERRUPTED
    assert state(tmp_path) == ("interrupted", None)
    monkeypatch.setattr("segexp.training.commands._run_training", raising(RuntimeError("wrong")))
    assert run_job(tmp_path, 0) == 1
    assert state(tmp_path) == ("failed", "RuntimeError: wrong")


@pytest.mark.parametrize(
    ("error", "code", "outcome"),
    [
        (KeyboardInterrupt(), 130, ("interrupted", None)),
        (ConfigError("model: no"), 2, ("failed", "ConfigError: model: no")),
        (ValueError("no"), 1, ("failed", "ValueError: no")),
        (SystemExit(3), 1, ("failed", "SystemExit: 3")),
    ],
)
def test_endings(
    error: BaseException, code: int, outcome: tuple[str, str | None], tmp_path: Path,
    trained: list[tuple[Any, Invocation]], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    JobFiles(tmp_path, 0).write_outcome("failed", "earlier")
    JobFiles(tmp_path, 0).write_failure("earlier", 1, [])
    monkeypatch.setattr(jobs, "run_training", raising(error))
    assert run_job(tmp_path, 0) == code
    assert state(tmp_path) == outcome
    failure = tmp_path / "jobs/000/failed.json"
    if outcome[0] == "failed":
        told = json.loads(failure.read_text())
        assert (told["error"], told["exit_code"]) == (outcome[1], code)
        assert any(str(error) in line for line in told["trace"])
    else:
        assert not failure.exists()
    assert ("Traceback" in capfd.readouterr().err) == (code == 1)


class PowerCut(BaseException):
    """Everything stops here."""


class Disk:
    """Lets a number of replacements through, then none; each file that is put in place counts."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 10**9
        self.names: list[str] = []
        replacing = os.replace
        monkeypatch.setattr(os, "replace", lambda path, target: self.count(target, lambda: replacing(path, target)))

    def count(self, target: Any, put: Callable[[], Any]) -> Any:
        if self.left == 0:
            raise PowerCut
        self.left -= 1
        self.names.append(Path(target).name)
        return put()


def one_job(folder: Path) -> None:
    plan = Plan()
    config = composed(*QUICK, "monitor=val/loss")
    plan.add(lambda: config, Invocation(["segexp"], ("seed=0",), {"model": "cunet"}))
    create(folder, plan.jobs())


def test_a_power_cut_between_any_two_writes_of_an_epoch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is written after it; then the job runs again and gives what it would have given."""
    disk = Disk(monkeypatch)
    monkeypatch.setattr("segexp.evaluation.mask_test.MaskTest.draw", lambda *_: [])
    monkeypatch.setattr("segexp.training.endings.write_page", lambda _: None)
    one_job(tmp_path / "whole")
    before = len(disk.names)
    assert run_job(tmp_path / "whole", 0) == 0
    names = disk.names[before:]
    lasts = [n for n, name in enumerate(names) if name == "last.ckpt"]
    assert names[lasts[0] : lasts[1] + 1] == ["last.ckpt", "best.ckpt", "metrics.csv", "last.ckpt"]
    expected = results(tmp_path / "whole")
    for cut in [*range(lasts[0], lasts[1] + 2), names.index("results.json"), len(names) - 1]:
        folder = tmp_path / str(cut)
        one_job(folder)
        disk.left = cut
        with mock.patch.object(Path, "unlink"), pytest.raises(PowerCut):
            run_job(folder, 0)
        disk.left = 10**9
        assert state(folder) is None
        assert run_job(folder, 0) == 0
        assert results(folder) == expected
    assert Manifest.read(folder).entries[0].key
