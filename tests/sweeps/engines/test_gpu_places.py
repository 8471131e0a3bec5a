"""Eight jobs on four pretended GPUs: none is shared, and one that is free takes the next job, after a failure too."""

import io
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from segexp.sweeps.display import Display
from segexp.sweeps.engines import devices
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.run import Runner
from tests.sweeps import real
from tests.sweeps.made import Pretend, create, section, seeds

LASTS = {0: 10, 1: 2, 2: 6, 3: 20, 4: 3, 5: 10, 6: 5, 7: 1}
"""Seconds of each job; job 1 frees its GPU early."""


class PretendServer:
    """A fork server without processes: jobs last as they are told, by a clock of its own; it is its own channel."""

    def __init__(self, folder: Path, fails: tuple[int, ...] = (), shared: int = 1) -> None:
        self.channel = self
        self.open = True
        self.now = 0
        self.fails = fails
        self.shared = shared
        self.ends: dict[int, int] = {}
        self.gpus: dict[int, str] = {}
        self.starts: dict[int, int] = {}
        self.threads: set[int] = set()
        self._outcomes = Pretend(folder)

    def send(self, message: dict[str, Any], handles: tuple[int, ...] = ()) -> None:
        if message["do"] != "start":
            return
        number, gpu = message["job"], message["environment"]["CUDA_VISIBLE_DEVICES"]
        self.gpus[number], self.starts[number], self.ends[number] = gpu, self.now, self.now + LASTS[number]
        self.threads.add(message["threads"])
        busy = Counter(one for job in self.ends for one in self.gpus[job].split(","))
        assert max(busy.values()) <= self.shared, f"job {number} on GPU {gpu}, which is taken"

    def receive(self, seconds: float) -> tuple[list[dict[str, Any]], list[int]]:
        number = min(self.ends, key=lambda job: (self.ends[job], job))
        self.now = self.ends.pop(number)
        ended = self._outcomes.end(number, "failed" if number in self.fails else "finished")
        return [{"ended": number, "code": ended.code, "seconds": LASTS[number], "memory_mb": 1}], []

    def said(self) -> str:
        return ""

    def close(self) -> None:
        self.open = False


@pytest.fixture(autouse=True)
def sixteen_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "available_cores", lambda: 16)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3")
    monkeypatch.setattr(LocalJobEngine, "server", None)


def go(folder: Path, server: PretendServer, jobs: Any = "auto") -> int:
    """Runs what is left of eight jobs on the server; gives the exit code."""
    manifest = Manifest.read(folder)
    manifest.reconcile()
    left = {
        entry.number: JobFiles(folder, entry.number).read().experiment
        for entry in manifest
        if entry.state != "finished"
    }
    LocalJobEngine.server = server  # type: ignore[assignment]
    engine = LocalJobEngine(folder, section(jobs=jobs), left, manifest.facts.get("engine", {}), 0)
    manifest.facts["engine"] = dict(engine.facts)
    manifest.write()
    return Runner(manifest, engine, Display(manifest, io.StringIO())).run()


def eight(folder: Path, **trainer: Any) -> None:
    jobs = seeds(*range(8))
    for job in jobs:
        object.__setattr__(job.experiment.trainer, "accelerator", "auto")
        for key, value in trainer.items():
            object.__setattr__(job.experiment.trainer, key, value)
    create(folder, jobs)


def test_the_next_job_goes_where_a_gpu_is_free(tmp_path: Path) -> None:
    eight(tmp_path)
    server = PretendServer(tmp_path, fails=(2,))
    assert go(tmp_path, server) == 1
    assert server.gpus == {0: "0", 1: "1", 2: "2", 3: "3", 4: "1", 5: "1", 6: "2", 7: "0"}
    assert server.starts == {0: 0, 1: 0, 2: 0, 3: 0, 4: 2, 5: 5, 6: 6, 7: 10}
    assert server.threads == {4}
    entries = list(Manifest.read(tmp_path))
    assert {entry.number: entry.gpu for entry in entries} == server.gpus
    assert [entry.state for entry in entries] == ["finished"] * 2 + ["failed"] + ["finished"] * 5
    again = PretendServer(tmp_path)
    assert go(tmp_path, again) == 0
    assert again.gpus == {2: "0"}
    assert again.threads == {4}
    assert [entry.attempts for entry in Manifest.read(tmp_path)] == [1, 1, 2, 1, 1, 1, 1, 1]


def test_jobs_of_two_ranks_get_two_gpus_each(tmp_path: Path) -> None:
    eight(tmp_path, devices=2)
    server = PretendServer(tmp_path)
    assert go(tmp_path, server) == 0
    assert {number: server.gpus[number] for number in range(4)} == {0: "0,1", 1: "2,3", 2: "2,3", 3: "2,3"}
    assert set(server.gpus.values()) == {"0,1", "2,3"}


def test_two_jobs_on_each_gpu_where_twice_as_many_are_asked_for(tmp_path: Path) -> None:
    eight(tmp_path)
    server = PretendServer(tmp_path, shared=2)
    assert go(tmp_path, server, jobs=8) == 0
    assert server.gpus == {number: str(number % 4) for number in range(8)}
    assert set(server.starts.values()) == {0}


@pytest.mark.slow
def test_eight_trainings_on_four_gpus(tmp_path: Path) -> None:
    """Real processes, which train on the processor."""
    done = real.sweep("seed=range(0,8)", "sweep.gpus=[0,1,2,3]", "sweep.jobs=4", "trainer.max_epochs=1")
    assert done.returncode == 0, done.stderr
    jobs = real.manifest(real.sweep_folder())
    assert [job["state"] for job in jobs] == ["finished"] * 8
    assert [job["gpu"] for job in jobs[:4]] == ["0", "1", "2", "3"]
    assert {job["gpu"] for job in jobs} == {"0", "1", "2", "3"}
