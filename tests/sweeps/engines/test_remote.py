"""A job beside which another process stands: signals, endings, and never two at a time."""

import _thread
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from submitit.helpers import DelayedSubmission

from segexp.errors import SegexpError
from segexp.sweeps.engines import remote
from segexp.sweeps.engines.base import Ended
from segexp.sweeps.engines.endings import JobEndings
from segexp.sweeps.engines.remote import RemoteJob
from segexp.sweeps.layout import JobFiles
from segexp.system.process import python_path
from tests.sweeps.made import create, seeds

READY = "open('ready','w').close()"
WAITS = f"""
import signal, sys, time
{READY}
try:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
    time.sleep(60)
except KeyboardInterrupt:
    sys.exit(130)
"""


@pytest.fixture
def place(tmp_path: Path) -> JobFiles:
    create(tmp_path / "sweep", seeds(0))
    return JobFiles(tmp_path / "sweep", 0)


@pytest.fixture(autouse=True)
def own_signals() -> Any:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    yield
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def job(place: JobFiles, monkeypatch: pytest.MonkeyPatch, code: str) -> RemoteJob:
    """A job whose process runs ``code`` in place of a training."""
    monkeypatch.setattr(remote, "fresh_python", lambda *words: [sys.executable, "-c", code, *words])
    return RemoteJob(place.sweep, place.sweep, 3)


def test_what_the_process_gets_and_what_is_written_down(place: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"SLURM_NTASKS": "1", "SLURM_ARRAY_JOB_ID": "12", "SLURM_ARRAY_TASK_ID": "3"}.items():
        monkeypatch.setenv(name, value)
    code = """
import json, os, signal, sys
blocked = sorted(signal.Signals(s).name for s in signal.pthread_sigmask(signal.SIG_BLOCK, []))
told = {"words": sys.argv[1:], "cwd": os.getcwd(), "tasks": os.environ.get("SLURM_NTASKS"), "blocked": blocked}
json.dump(told, open("told.json", "w"))
sys.exit(7)
"""
    job(place, monkeypatch, code)(0)
    told = json.loads((place.sweep / "told.json").read_text(encoding="utf-8"))
    function, sweep, message, parent = told["words"]
    assert (function, sweep, int(parent)) == ("job_main", str(place.sweep), os.getpid())
    assert json.loads(message) == {"job": 0, "threads": 3, "environment": {}}
    assert told["cwd"] == str(place.sweep)
    assert told["tasks"] is None
    assert told["blocked"] == ["SIGINT", "SIGTERM", "SIGUSR2"]
    facts = place.process()
    assert (facts["code"], facts["id"]) == (7, "12_3")
    assert 0 <= facts["seconds"] < 30
    assert facts["memory_mb"] > 5


def test_ctrl_c_without_a_signal_reaches_the_process(place: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    """As Ray does it."""
    ready = place.sweep / "ready"

    def interrupt() -> None:
        while not ready.exists() or not place.process():
            time.sleep(0.02)
        _thread.interrupt_main()

    thread = threading.Thread(target=interrupt)
    thread.start()
    job(place, monkeypatch, WAITS)(0)
    thread.join()
    assert place.process()["code"] == 130


def test_when_its_time_is_up_the_process_is_killed_and_no_ending_is_written(
    place: JobFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(child: object, tell: Callable[[], None]) -> int:
        tell()
        raise SystemExit(-1)

    monkeypatch.setattr(remote, "_wait", stopped)
    started: list[Any] = []
    kept = RemoteJob._start
    monkeypatch.setattr(RemoteJob, "_start", lambda *words: started.append(kept(*words)) or started[-1])
    with pytest.raises(SystemExit):
        job(place, monkeypatch, WAITS)(0)
    assert started[0].wait(10) == -signal.SIGKILL
    assert "code" not in place.process()
    assert place.process()["host"]


def test_a_job_put_back_in_the_moment_of_its_end_does_not_run_again(
    place: JobFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = job(place, monkeypatch, f"{READY}")
    ready = place.sweep / "ready"
    place.write_outcome("finished")
    place.write_process({"code": 0})
    run(0)
    assert not ready.exists()
    # Killed by the cluster, with an outcome of an earlier start.
    place.write_process({"code": -9})
    run(0)
    assert ready.exists()


def test_two_starts_of_one_job_never_run_together(place: JobFiles, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PATIENCE", 0.3)
    with remote._only_one(place), pytest.raises(SegexpError, match="another process works on this job"):
        job(place, monkeypatch, READY)(0)
    assert not (place.sweep / "ready").exists()
    job(place, monkeypatch, READY)(0)
    assert (place.sweep / "ready").exists()


def test_submitit_is_given_the_same_again(tmp_path: Path) -> None:
    again = RemoteJob(tmp_path, tmp_path, 2).checkpoint(5)
    assert isinstance(again, DelayedSubmission)
    assert (again.function, again.args) == (RemoteJob(tmp_path, tmp_path, 2), (5,))


def test_search_path_is_that_of_this_process() -> None:
    entries = python_path().split(os.pathsep)
    assert len(entries) == len(sys.path)
    assert all(Path(entry).is_absolute() for entry in entries)


def test_endings_tell_this_start_from_the_one_before(place: JobFiles) -> None:
    endings = JobEndings(place.sweep)
    place.write_outcome("failed", "of yesterday")
    place.write_process({"code": 1})
    endings.expect(0)
    assert place.process() == {}
    assert not endings.has_ended(0)
    # Its process is gone, and has said nothing in this start.
    place.write_process({"host": "node", "code": -9, "seconds": 3.0, "memory_mb": 100})
    assert not endings.has_ended(0)
    assert endings.read(0, "the node is lost") == Ended(0, -9, 3.0, 100, "the node is lost")
    endings.expect(0)
    place.write_process({"code": 1})
    assert endings.read(0).error == "exit code 1"
    endings.expect(0)
    assert endings.read(0).error == "its process is gone"
    endings.expect(0)
    place.write_process({"code": 0, "seconds": 3.0, "memory_mb": 100})
    place.write_outcome("finished")
    assert endings.has_ended(0)
    assert endings.read(0, "not asked") == Ended(0, 0, 3.0, 100, None)
