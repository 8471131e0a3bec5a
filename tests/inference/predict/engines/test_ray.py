"""Predictions on a Ray that only pretends, in this process; tests/cluster has a real one."""

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.cli.app import run
from segexp.inference.predict.engines.ray import count_actors
from segexp.inference.predict.engines.ray_actor import PredictionActor
from segexp.inference.predict.remote.address import shared_settings
from segexp.system import ray_cluster
from tests.inference.conftest import Finished
from tests.inference.predict.made import geotiff, noise


class RayError(Exception):
    pass


class RayTaskError(RayError):
    def __init__(self, cause: Exception) -> None:
        super().__init__("a long trace")
        self.cause = cause


class Handle:
    """An actor: what is asked of it waits until somebody wants the answer."""

    def __init__(self, actor: Any) -> None:
        self.actor = actor

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.actor, name)
        return SimpleNamespace(remote=lambda *given, **named: lambda: method(*given, **named))


class PretendRay:
    """As much of Ray as the engine uses; the second answer after ``lose`` is lost."""

    exceptions = SimpleNamespace(RayError=RayError, RayTaskError=RayTaskError, RaySystemError=MemoryError)

    def __init__(self) -> None:
        self.options: dict[str, Any] = {}
        self.killed = self.answers = 0
        self.lose = -1
        self.gone = False

    def init(self, **given: Any) -> None:
        self.gone = False

    def nodes(self) -> list[dict[str, Any]]:
        return [{"Alive": True, "Resources": {"CPU": 2.0}}, {"Alive": False, "Resources": {"CPU": 64.0}}]

    def remote(self, **options: Any) -> Callable[[type], Any]:
        self.options = options
        return lambda kind: SimpleNamespace(remote=lambda *given: Handle(kind(*given)))

    def wait(self, tickets: list[Any], num_returns: int) -> tuple[list[Any], list[Any]]:
        return tickets[:num_returns], tickets[num_returns:]

    def get(self, ticket: Callable[[], Any]) -> Any:
        self.answers += 1
        try:
            found = ticket()
        except Exception as error:
            raise RayTaskError(error) from error
        if self.answers == self.lose:
            raise RayError("the node is lost")
        return found

    def kill(self, actor: Handle) -> None:
        self.killed += 1

    def shutdown(self) -> None:
        self.gone = True


@pytest.fixture
def pretend(monkeypatch: pytest.MonkeyPatch) -> PretendRay:
    found = PretendRay()
    monkeypatch.setitem(sys.modules, "ray", found)  # type: ignore[arg-type]
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name, *_: object())
    return found


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir() if path.suffix in (".png", ".tif")}


def rows(folder: str) -> list[str]:
    """The summary without seconds."""
    lines = [line.split(",") for line in Path(folder, "summary.csv").read_text().splitlines()]
    column = lines[0].index("seconds")
    return [",".join(line[:column] + line[column + 1 :]).replace(folder, "out") for line in lines]


def test_the_same_as_here_with_a_bad_file_and_a_lost_process(
    finished: Finished, pretend: PretendRay, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("in").mkdir()
    for number in range(4):
        Image.fromarray(noise(40, 50 + number)).save(f"in/{number}.png")
    geotiff(Path("in/5.tif"), noise(50, 60))
    Path("in/3.png").write_bytes(b"nothing")
    words = ["predict", f"run={finished.path}", "input=in", "write=[mask,probability]"]
    assert run([*words, "output=here"]) == 1
    pretend.lose = 4
    assert run([*words, "output=there", "engine=ray"]) == 1
    told = capsys.readouterr()
    assert "4 done, 1 failed; see there/summary.csv" in told.err
    assert "2 at a time with 1 cores and 0 GPU each" in told.out
    assert "its process was lost (RayError the node is lost); begun again" in told.out
    assert pretend.options == {"num_cpus": 1, "num_gpus": 0.0, "max_restarts": 0}
    assert pretend.gone
    assert len(contents("here")) == 8
    assert contents("there") == contents("here")
    assert rows("there") == rows("here")
    assert run([*words, "output=there", "engine=ray"]) == 1
    assert "4 skipped, 1 failed" in capsys.readouterr().err


def test_actors_fill_each_node() -> None:
    found = [{"CPU": 8.0, "GPU": 2.0}, {"CPU": 3.0}]
    assert count_actors(found, {"CPU": 1, "GPU": 1}) == 2
    assert count_actors(found, {"CPU": 2, "GPU": 0.5}) == 4
    assert count_actors(found, {"CPU": 2, "GPU": 0}) == 5
    assert count_actors([], {"CPU": 2, "GPU": 0}) == 0


def test_what_cannot_be(
    finished: Finished, pretend: PretendRay, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in").mkdir()
    Image.fromarray(noise(40, 50)).save("in/a.png")
    words = ["predict", f"run={finished.path}", "input=in", "output=out", "engine=ray"]
    monkeypatch.setattr("segexp.inference.predict.engines.ray.weights_fingerprint", lambda model: "other")
    assert run(words) == 1
    assert "no process gets its model ready: DataError: run: on " in capsys.readouterr().err
    assert run([*words, "ray.address=127.0.0.1:9"]) == 2
    assert "ray.address: no cluster answers at '127.0.0.1:9'" in capsys.readouterr().err
    monkeypatch.setattr(ray_cluster.importlib.util, "find_spec", lambda name, *_: None)
    assert run([*words, "output=new"]) == 2
    assert "engine=ray: the package ray is not installed; pip install 'segexp[ray]'" in capsys.readouterr().err
    assert not Path("new").exists()
    np.testing.assert_array_equal([*map(str, Path("out").iterdir())], ["out/predict.json"])


def test_processes_elsewhere_know_how_a_bucket_is_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Processes of Ray have the environment of their node, not that of the command; secrets are not sent around."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://here:9000")
    monkeypatch.setenv("GS_NO_SIGN_REQUEST", "YES")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    shared = shared_settings()
    assert shared.items() >= {"AWS_ENDPOINT_URL": "http://here:9000", "GS_NO_SIGN_REQUEST": "YES"}.items()
    assert "secret" not in shared.values()
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    PredictionActor({}, "cpu", tmp_path, shared)
    assert os.environ["AWS_ENDPOINT_URL"] == "http://here:9000"
