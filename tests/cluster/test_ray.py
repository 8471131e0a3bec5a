"""Sweeps through a real Ray of this machine: the numbers of the local engine, whatever happens on the way."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.sweeps import LONG, ctrl_c, ended, epochs, numbers, resumed, started, states, table, until
from tests.sweeps.real import manifest, sweep_folder

pytestmark = pytest.mark.usefixtures("ray_there")
ENGINE = "sweep.engine=ray"


def beside(number: int) -> int:
    """Number of the process of Ray beside a job."""
    text = f'"job": {number},'
    for place in Path("/proc").glob("[0-9]*"):
        try:
            words = (place / "cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
            if str(sweep_folder().absolute()) in words and any(text in word for word in words):
                return int((place / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
        except OSError:
            continue
    raise AssertionError(f"no process of job {number}")


def test_a_lost_process_of_ray_gives_the_same(undisturbed: dict[str, Any]) -> None:
    with started(*LONG, ENGINE) as process:
        until(lambda: epochs(0) >= 2, "two epochs", process)
        os.kill(beside(0), signal.SIGKILL)
        ended(process)
    folder = sweep_folder()
    assert [(job["state"], job["attempts"]) for job in manifest(folder)] == [("finished", 1)] * 3
    assert (folder / "jobs/000/output.log").read_text(encoding="utf-8").count("started 20") == 2
    memory = [job["memory_mb"] for job in manifest(folder)]
    assert max(memory) < 1.1 * min(memory)
    assert numbers(folder) == undisturbed["numbers"]
    assert table(folder) == undisturbed["table"]


def test_killed_and_gone_on_with(undisturbed: dict[str, Any]) -> None:
    """Ctrl-C, then the sweep's own process is killed, which ends its jobs."""
    with started(*LONG, ENGINE) as process:
        until(lambda: epochs(0) >= 2 and epochs(1) >= 2, "two epochs", process)
        ctrl_c(process)
    assert states(sweep_folder()) == ["interrupted"] * 3
    kept = epochs(0)
    assert 2 <= kept < 100
    with resumed() as process:
        until(lambda: epochs(0) > kept, "another epoch", process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with resumed() as process:
        ended(process)
    assert numbers(sweep_folder()) == undisturbed["numbers"]


def test_no_cluster_at_the_address() -> None:
    with started("seed=0,1", ENGINE, "sweep.ray.address=127.0.0.1:9") as process:
        out = ended(process, 2)
    assert "segexp: sweep.ray.address: no cluster answers at '127.0.0.1:9'" in out
