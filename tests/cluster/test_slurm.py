"""Sweeps through a real SLURM of one node: the numbers of the local engine, whatever happens on the way."""

import json
import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.sweeps import LONG, ctrl_c, ended, epochs, numbers, resumed, started, states, table, until
from tests.sweeps.real import manifest, sweep_folder

pytestmark = pytest.mark.usefixtures("slurm")
ENGINE = "sweep.engine=slurm"


def slurm_id(number: int) -> str:
    place = sweep_folder() / f"jobs/{number:03d}/process.json"
    return str(json.loads(place.read_text(encoding="utf-8"))["id"])


def queue() -> dict[str, str]:
    """State of every job that SLURM has not done with."""
    lines = subprocess.check_output(["squeue", "--noheader", "--array", "--format=%i %T"], text=True).splitlines()
    return dict(line.split() for line in lines)


def empty_queue() -> None:
    until(lambda: not queue(), "an empty queue")


def starts(number: int) -> int:
    return (sweep_folder() / f"jobs/{number:03d}/output.log").read_text(encoding="utf-8").count("started 20")


def test_requeued_and_out_of_time_gives_the_same(undisturbed: dict[str, Any]) -> None:
    """Job 0 is put back by the cluster; job 1 gets the signal that its time is up; job 2 waits for a free core."""
    with started(*LONG, ENGINE) as process:
        until(lambda: epochs(0) >= 2, "two epochs", process)
        array = slurm_id(0).partition("_")[0]
        subprocess.run(["scontrol", "requeue", f"{array}_0"], check=True)
        until(lambda: epochs(1) >= 2, "two epochs", process)
        subprocess.run(["scancel", "--signal=USR2", f"{array}_1"], check=True)
        out = ended(process)
    folder = sweep_folder()
    assert f"in the queue of SLURM: {array}_0 to {array}_2" in out
    assert [(job["state"], job["attempts"]) for job in manifest(folder)] == [("finished", 1)] * 3
    assert [slurm_id(number) for number in range(3)] == [f"{array}_{number}" for number in range(3)]
    assert [starts(number) for number in range(3)] == [2, 2, 1]
    assert all(100 < job["memory_mb"] < 5000 and job["seconds"] > 1 for job in manifest(folder))
    assert "Caught signal SIGUSR2" in (folder / f"slurm/{array}_1_0_log.out").read_text(encoding="utf-8")
    assert numbers(folder) == undisturbed["numbers"]
    assert table(folder) == undisturbed["table"]
    empty_queue()


def test_killed_and_gone_on_with(undisturbed: dict[str, Any]) -> None:
    """The sweep's process is killed, its jobs are found again; then Ctrl-C, and again."""
    with started(*LONG, ENGINE, "sweep.slurm.memory=1GB") as process:
        until(lambda: epochs(0) >= 2, "two epochs", process)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    before = queue()
    assert len(before) == 3
    refused = ended(resumed("sweep.engine=local"), 2)
    assert "are still in the queue of SLURM" in refused
    assert queue().keys() <= before.keys()
    with resumed() as process:
        until(lambda: epochs(1) >= 2, "two epochs", process)
        assert queue().keys() <= before.keys()
        out = ctrl_c(process)
    assert "jobs of an earlier start are still in the queue" in out
    empty_queue()
    assert "finished" in states(sweep_folder()) or "interrupted" in states(sweep_folder())
    kept = [epochs(number) for number in range(3)]
    with resumed() as process:
        ended(process)
    assert all(epochs(number) >= kept[number] for number in range(3))
    assert states(sweep_folder()) == ["finished"] * 3
    assert numbers(sweep_folder()) == undisturbed["numbers"]
    empty_queue()


def test_ctrl_c_keeps_epochs_of_what_runs_and_takes_back_what_waits() -> None:
    with started(*LONG, ENGINE, "sweep.jobs=1") as process:
        until(lambda: epochs(0) >= 2, "two epochs", process)
        assert sorted(queue().values()) == ["PENDING", "PENDING", "RUNNING"]
        ctrl_c(process)
    empty_queue()
    assert states(sweep_folder()) == ["interrupted"] * 3
    record = json.loads((sweep_folder() / "000_seed-0/run.json").read_text(encoding="utf-8"))
    assert record["state"] == "interrupted"
    assert not list(sweep_folder().glob("001_*"))


def test_a_second_ctrl_c_kills_at_once() -> None:
    with started("trainer.max_epochs=1000", "seed=0", ENGINE) as process:
        until(lambda: epochs(0) >= 1, "an epoch", process)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        ended(process, 130)
    empty_queue()
    assert states(sweep_folder()) == ["interrupted"]


def test_a_job_that_somebody_cancels_has_failed_and_says_why() -> None:
    with started("trainer.max_epochs=1000", "seed=0,1", "sweep.jobs=1", ENGINE) as process:
        until(lambda: epochs(0) >= 1, "an epoch", process)
        subprocess.run(["scancel", f"{slurm_id(0).partition('_')[0]}_1"], check=True)
        until(lambda: "failed" in states(sweep_folder()), "the end of job 1", process)
        ctrl_c(process)
    failed = manifest(sweep_folder())[1]
    assert failed["error"].startswith("it was cancelled with scancel")
    empty_queue()


def test_what_sbatch_refuses_ends_the_sweep_with_its_words() -> None:
    with started("seed=0,1", ENGINE, "sweep.slurm.partition=gold") as process:
        out = ended(process, 2)
    assert "segexp: sweep.slurm: SLURM refused the jobs:" in out
    assert "invalid partition specified: gold" in out
    assert not queue()
    assert Path("outputs").is_dir()
