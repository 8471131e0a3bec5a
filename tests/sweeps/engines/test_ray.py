"""The engine of Ray against one that only pretends; tests/cluster has a real one."""

import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from segexp.errors import ConfigError, MissingExtraError
from segexp.sweeps.engines.base import Ended, Started, SweepError
from segexp.sweeps.engines.ray import RayJobEngine
from segexp.sweeps.layout import JobFiles
from segexp.system import ray_cluster
from tests.sweeps.made import create, section, seeds

KEYS = {"address": None, "cpus": 2, "gpus": 0, "retries": 3}


class RayError(Exception):
    pass


class RaySystemError(RayError):
    pass


class PretendRay:
    """As much of Ray as the engine uses."""

    exceptions = SimpleNamespace(RayError=RayError, RaySystemError=RaySystemError)

    def __init__(self) -> None:
        self.given: dict[str, Any] = {}
        self.options: dict[str, Any] = {}
        self.ready: dict[str, Exception | None] = {}
        self.cancelled: list[tuple[str, bool]] = []
        self.gone = False

    def init(self, **given: Any) -> None:
        self.given = given
        if given["address"] == "nowhere":
            raise ConnectionError("nobody")

    def remote(self, **options: Any) -> Any:
        self.options = options
        return lambda function: SimpleNamespace(remote=lambda work, number: f"task {number}")

    def put(self, thing: Any) -> Any:
        return thing

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 4.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]

    def cluster_resources(self) -> dict[str, float]:
        return {"CPU": 4.0}

    def wait(self, tasks: list[str], num_returns: int, timeout: float) -> tuple[list[str], list[str]]:
        if self.gone:
            raise RaySystemError("the head is gone")
        assert num_returns == len(tasks)
        return [task for task in tasks if task in self.ready], []

    def get(self, task: str) -> None:
        if (error := self.ready[task]) is not None:
            raise error

    def cancel(self, task: str, force: bool) -> None:
        self.cancelled.append((task, force))

    def shutdown(self) -> None:
        self.gone = True


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> PretendRay:
    found = PretendRay()
    monkeypatch.setitem(sys.modules, "ray", found)  # type: ignore[arg-type]
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: object())
    monkeypatch.delenv("RAY_USAGE_STATS_ENABLED", raising=False)
    return found


def engine(folder: Path, jobs: Any = "auto", **keys: Any) -> RayJobEngine:
    create(folder, seeds(0, 1, 2))
    return RayJobEngine(folder, section(jobs=jobs, ray={**KEYS, **keys}), {0: {}, 1: {}, 2: {}}, {}, 0)


def test_jobs_are_tasks_with_what_they_ask_for(tmp_path: Path, pretend: PretendRay) -> None:
    made = engine(tmp_path, gpus=0.5)
    assert pretend.options == {
        "num_cpus": 2, "num_gpus": 0.5, "max_calls": 1, "max_retries": 3, "retry_exceptions": False,
    }  # fmt: skip
    assert pretend.given["include_dashboard"] is False
    assert pretend.given["runtime_env"]["env_vars"]["PYTHONPATH"]
    assert os.environ["RAY_USAGE_STATS_ENABLED"] == "0"
    assert (made.places, made.facts) == (3, {"count": 3, "threads": 2})
    assert str(made) == "at most 3 at a time on Ray with 4 cores and 0 GPU, 2 cores and 0.5 GPU each"
    assert made.notes == ["no node of Ray has 0.5 GPU now (most: 0); jobs wait for one"]
    assert made.start([0, 1]) == [Started(0), Started(1)]
    assert made.wait(0) == []
    pretend.ready["task 1"] = None
    JobFiles(tmp_path, 1).write_outcome("finished")
    JobFiles(tmp_path, 1).write_process({"code": 0, "seconds": 5.0, "memory_mb": 400})
    assert made.wait(0) == [Ended(1, 0, 5.0, 400)]
    assert made.wait(0) == []
    assert engine(tmp_path / "two", jobs=2).places == 2


def test_a_lost_task_says_why_and_one_that_spoke_is_believed(tmp_path: Path, pretend: PretendRay) -> None:
    made = engine(tmp_path)
    made.start([0, 1, 2])
    JobFiles(tmp_path, 0).write_outcome("interrupted")
    JobFiles(tmp_path, 0).write_process({"code": 130, "seconds": 5.0, "memory_mb": 400})
    pretend.ready = {"task 0": RayError("cancelled"), "task 1": RayError("the node\nis lost"), "task 2": RayError()}
    assert made.wait(0) == [
        Ended(0, 130, 5.0, 400),
        Ended(1, error="Ray: RayError: the node"),
        Ended(2, error="Ray: RayError"),
    ]


def test_ctrl_c_a_second_one_and_the_end(tmp_path: Path, pretend: PretendRay) -> None:
    made = engine(tmp_path)
    assert made.wait(0) == []
    made.start([0, 1])
    made.interrupt()
    made.kill()
    assert pretend.cancelled == [("task 0", False), ("task 1", False), ("task 0", True), ("task 1", True)]
    made.close()
    with pytest.raises(SweepError, match="Ray is gone, and the jobs with it: the head is gone"):
        made.wait(0)


def test_what_cannot_be_used(tmp_path: Path, pretend: PretendRay, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ConfigError, match=r"sweep\.ray\.address: no cluster answers at 'nowhere': nobody"):
        engine(tmp_path, address="nowhere")
    with pytest.raises(
        ConfigError, match=r"sweep\.ray\.address: no cluster answers at 'ray://127\.0\.0\.1:9': .*refused"
    ):
        engine(tmp_path, address="ray://127.0.0.1:9")
    with pytest.raises(ConfigError, match=r"sweep\.gpus: is for this machine"):
        RayJobEngine(tmp_path, section(gpus=[0], ray=KEYS), {0: {}}, {}, 0)
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'segexp\[ray\]'"):
        engine(tmp_path)
