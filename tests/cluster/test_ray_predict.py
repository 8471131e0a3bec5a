"""Predictions through a real Ray of this machine: the files of the local engine, whatever happens on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.cluster.sweeps import PATIENCE, ended, until
from tests.inference.predict.engines.test_ray import contents, rows
from tests.inference.predict.made import geotiff, noise
from tests.sweeps.real import environment
from tests.training.conftest import Finished, finished, settings_of_torch

__all__ = ["finished", "settings_of_torch"]
pytestmark = pytest.mark.usefixtures("ray_there")
KEYS = ("input=in", "write=[mask,probability]", "inference.window=32", "inference.overlap=0.6")


def started(finished: Finished, *words: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "segexp", "predict", f"run={finished.path}", *KEYS, *words], text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=environment(OMP_NUM_THREADS="1"),
    )  # fmt: skip


def actors() -> list[int]:
    """Processes of Ray that are predicting; it names them so."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if b"ray::Actor.predict" in (place / "cmdline").read_bytes():
                found.append(int(place.name))
        except OSError:
            continue
    return found


def partial() -> list[Path]:
    return list(Path("ray").glob(".*.partial"))


@pytest.fixture
def local(finished: Finished) -> dict[str, bytes]:
    """Six small rasters, one of them broken, predicted here."""
    Path("in").mkdir()
    for number in range(6):
        geotiff(Path(f"in/{number}.tif"), noise(420, 420 + number))
    Path("in/4.tif").write_bytes(Path("in/4.tif").read_bytes()[:5000])
    with started(finished, "output=here") as process:
        assert "5 done, 1 failed" in ended(process, 1)
    return contents("here")


def test_a_killed_actor_and_a_killed_command_lose_nothing(finished: Finished, local: dict[str, bytes]) -> None:
    with started(finished, "output=ray", "engine=ray") as process:
        until(lambda: bool(actors()) and bool(partial()), "a file begun", process)
        os.kill(actors()[0], signal.SIGKILL)
        out = ended(process, 1)
    assert "its process was lost" in out
    assert "5 done, 1 failed" in out
    assert contents("ray") == local
    assert rows("ray") == rows("here")
    assert not partial()
    # Broken off by Ctrl-C, then by a kill: what is whole stays, and the same command goes on.
    for number in (0, 1, 2, 3):
        Path(f"ray/{number}_mask.tif").unlink()
    with started(finished, "output=ray", "engine=ray") as process:
        until(lambda: bool(partial()), "a file begun", process)
        process.send_signal(signal.SIGINT)
        ended(process, 130)
    assert not partial()
    with started(finished, "output=ray", "engine=ray") as process:
        until(lambda: bool(partial()), "a file begun", process)
        process.kill()
        process.communicate()
    end = time.monotonic() + PATIENCE
    while actors() and time.monotonic() < end:
        time.sleep(0.1)
    with started(finished, "output=ray", "engine=ray", "ray.actors=1") as process:
        out = ended(process, 1)
    assert "1 at a time with 1 cores" in out
    assert " skipped, 1 failed" in out
    assert contents("ray") == local
    assert not partial()
