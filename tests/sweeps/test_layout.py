"""The files of jobs, the lock, other grids, and where jobs run."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from segexp.errors import ConfigError, DataError
from segexp.runs.lock import BusyError
from segexp.sweeps.difference import refuse_other_grid
from segexp.sweeps.engines import devices
from segexp.sweeps.engines.devices import DeviceLayout, plan_devices
from segexp.sweeps.engines.local import data_hash
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.lock import SweepLock
from segexp.sweeps.manifest import Manifest
from segexp.system import cores, free_memory, gpus
from segexp.system.cores import available_cores
from segexp.system.gpus import visible_gpus
from segexp.system.process import start_time
from tests.sweeps.made import create, planned, section, seeds


def test_a_job_is_read_as_it_was_planned(tmp_path: Path) -> None:
    (job,) = planned(["seed=3", "optimizer.lr=1e-5"], rate=1e-5, table={0: 0, 255: 1}, word="1e-3", nothing=None)
    create(tmp_path, [job])
    read = JobFiles(tmp_path, 0).read()
    assert read.experiment.plain() == job.experiment.plain()
    expected = replace(job.experiment.invocation, sweep_dir=tmp_path, folder=tmp_path / "000_seed-3_lr-1e-5")
    assert read == replace(job, experiment=replace(job.experiment, invocation=expected))


def test_damaged_files_are_named(tmp_path: Path) -> None:
    create(tmp_path, seeds(0))
    (tmp_path / "jobs/000/job.json").write_text("{")
    with pytest.raises(DataError, match="jobs/000: the files of this job cannot be read"):
        JobFiles(tmp_path, 0).read()
    (tmp_path / "manifest.json").write_text('{"jobs": [{"number": 1}]}')
    with pytest.raises(DataError, match=r"manifest\.json: is no manifest of segexp"):
        Manifest.read(tmp_path)
    with pytest.raises(ConfigError, match=r"sweep\.resume: no file .*nowhere/manifest\.json"):
        Manifest.read(tmp_path / "nowhere")


@pytest.mark.parametrize(
    "text", ["[]", '{"state": []}', '{"state": [], "error": 0}', '{"state": "failed", "error": 1}']
)
def test_what_says_no_ending_is_none(text: str, tmp_path: Path) -> None:
    manifest = create(tmp_path, seeds(0))
    manifest.change(0, state="running")
    (tmp_path / "jobs/000/outcome.json").write_text(text)
    assert JobFiles(tmp_path, 0).outcome() is None
    manifest.reconcile()
    assert manifest.entries[0].state == "interrupted"


def test_one_sweep_process_at_a_time(tmp_path: Path) -> None:
    lock = SweepLock(tmp_path)
    with pytest.raises(BusyError, match=f"in use by process {os.getpid()} on"):
        SweepLock(tmp_path)
    lock.release()
    SweepLock(tmp_path).release()


def test_the_lock_lasts_until_the_last_process_that_inherited_it_is_gone(tmp_path: Path) -> None:
    """Its first owner is killed, a job lives on a little: waited for; it lives too long: refused."""
    code = (
        "import os, sys, time; from pathlib import Path; from segexp.sweeps.lock import SweepLock\n"
        "lock = SweepLock(Path(sys.argv[1])); os.set_inheritable(lock.handle, True)\n"
        "if os.fork() == 0:\n    os.execvp('sleep', ['sleep', sys.argv[2]])\n"
        "print('held', flush=True); os.kill(os.getpid(), 9)"
    )
    for seconds, patience in (("0.5", 5.0), ("2", 0.3)):
        with subprocess.Popen([sys.executable, "-c", code, str(tmp_path), seconds], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
        if patience > 1:
            SweepLock(tmp_path, patience).release()
        else:
            with pytest.raises(BusyError):
                SweepLock(tmp_path, patience)


def test_start_times_tell_processes_apart() -> None:
    assert start_time(os.getpid()).isdigit()
    assert start_time(2**30) == ""


def test_the_same_grid_in_another_order_is_the_same(tmp_path: Path) -> None:
    refuse_other_grid(create(tmp_path, seeds(0, 1)), seeds(1, 0))


def test_a_grid_in_the_forms_of_0_1_is_the_same(tmp_path: Path) -> None:
    manifest = create(tmp_path, seeds(0, 1))
    for number in (0, 1):
        path = JobFiles(tmp_path, number).path / "config.yaml"
        config = yaml.safe_load(path.read_text())
        beside = {key: config["scheduler"].pop(key) for key in ("interval", "monitor")}
        config["scheduler"] = {"target": {"_partial_": True, **config["scheduler"]}, **beside}
        off = {"early_stopping": {"patience": None, "min_delta": 0.0}, "weight_average": {"decay": None}}
        del config["task"]
        path.write_text(yaml.safe_dump({**config, "callbacks": {**off, "extra": []}}))
        manifest.change(number, key=f"of 0.1: {number}")
    refuse_other_grid(manifest, seeds(1, 0))
    with pytest.raises(ConfigError, match="seed=1"):
        refuse_other_grid(manifest, seeds(0, 2, 3))


def test_another_grid_is_refused_with_the_difference(tmp_path: Path) -> None:
    manifest = create(tmp_path, seeds(0, 1, 2))
    with pytest.raises(ConfigError) as caught:
        refuse_other_grid(manifest, seeds(0, 2, 3, 4))
    assert str(caught.value).splitlines() == [
        f"sweep.resume: the jobs of {tmp_path} are others than those of the command",
        "  only in the folder: seed=1",
        "  only in the command: seed=3",
        "  only in the command: seed=4",
        f"  to go on with those of the folder: python -m segexp sweep.resume={tmp_path}",
    ]
    with pytest.raises(ConfigError) as caught:
        refuse_other_grid(
            manifest, planned(*[[f"seed={n}"] for n in (0, 1, 2)], datamodule={"root": "there", "seed": 0})
        )
    assert str(caught.value).splitlines()[1:-1] == ["  datamodule.root: 'here' in the folder, 'there' in the command"]


@pytest.fixture
def eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(cores.CORES, "8")
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(devices, "free_memory", lambda: 64 * 2**30)
    monkeypatch.setattr(gpus.shutil, "which", lambda name: None)


CASES = {
    "more jobs than cores": ({}, 12, ["auto"], None, DeviceLayout(8, 1)),
    "fewer jobs": ({}, 3, ["auto"], None, DeviceLayout(3, 2)),
    "a number": ({"jobs": 2}, 12, ["cpu"], None, DeviceLayout(2, 4)),
    "a number above the jobs": ({"jobs": 5}, 2, ["cpu"], None, DeviceLayout(2, 4)),
    "threads settled before": ({}, 12, ["cpu"], 4, DeviceLayout(2, 4)),
    "given GPUs": ({"gpus": [0, 1]}, 12, ["cpu"], None, DeviceLayout(2, 4, ("0", "1"))),
    "two jobs on a GPU": ({"gpus": [0, 1], "jobs": 4}, 12, ["gpu"], None, DeviceLayout(4, 2, ("0", "1"))),
    "named GPUs": ({"gpus": ["GPU-1", "MIG-2"]}, 12, ["gpu"], None, DeviceLayout(2, 4, ("GPU-1", "MIG-2"))),
}


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_layout(case: tuple[dict, int, list[str], int | None, DeviceLayout], eight_cores: None) -> None:
    changes, count, accelerators, threads, expected = case
    assert plan_devices(section(**{"jobs": "auto", **changes}), count, accelerators, threads) == expected


def test_layout_by_memory_by_the_user_and_by_what_the_machine_has(
    eight_cores: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    auto = section(jobs="auto")
    monkeypatch.setattr(devices, "free_memory", lambda: 7 * 2**30)
    assert plan_devices(auto, 12, ["cpu"]) == DeviceLayout(3, 2)
    monkeypatch.setattr(devices, "free_memory", lambda: 2**20)
    assert plan_devices(auto, 12, ["cpu"]) == DeviceLayout(1, 8)
    monkeypatch.setattr(devices, "free_memory", lambda: None)
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert plan_devices(auto, 12, ["cpu"]) == DeviceLayout(2, 4)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3, 5")
    assert plan_devices(auto, 12, ["cpu", "auto"]) == DeviceLayout(2, 4, ("3", "5"))
    assert plan_devices(auto, 12, ["cpu"]) == DeviceLayout(2, 4)
    assert [DeviceLayout(3, 1, ("3", "5")).gpu(place) for place in range(3)] == ["3", "5", "3"]
    assert DeviceLayout(3, 1).gpu(0) is None
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "-1")
    assert visible_gpus() == ()
    with pytest.raises(ConfigError, match=r"sweep\.gpus: found an empty list"):
        plan_devices(section(jobs="auto", gpus=[]), 12, ["auto"])


def test_a_job_with_ranks_gets_gpus_for_all_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "available_cores", lambda: 12)
    monkeypatch.setattr(devices, "free_memory", lambda: None)
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2,3,4")
    auto = section(jobs="auto")
    pairs = plan_devices(auto, 9, ["auto"], ranks=[1, 2])
    assert (pairs.jobs, pairs.gpus) == (2, ("0,1", "2,3"))
    assert str(pairs) == "2 at a time on GPU 0+1, 2+3, 6 threads each"
    assert plan_devices(auto, 9, ["auto"], ranks=["auto", 2]).gpus == ("0,1,2,3,4",)
    # Two ranks of a job on the processor take two cores.
    assert plan_devices(auto, 9, ["cpu"], ranks=[2]) == DeviceLayout(6, 2)
    with pytest.raises(ConfigError, match=r"trainer\.devices: found 6, but the sweep has 5 GPUs"):
        plan_devices(auto, 9, ["auto"], ranks=[6])


def test_gpus_are_asked_from_the_driver(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 0\necho 1\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert visible_gpus() == ("0", "1")
    tool.write_text("#!/bin/sh\necho no devices were found\nexit 6\n")
    assert visible_gpus() == ()


def test_cores_and_limits_of_a_container(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = tmp_path / "cpu.max"
    for text, expected in (("250000 100000", 2), ("50000 100000", 1), ("max 100000", None)):
        limit.write_text(text + "\n")
        assert cores._quota(limit) == expected
    assert cores._quota(tmp_path / "none") is None
    monkeypatch.delenv(cores.CORES, raising=False)
    assert 1 <= available_cores() <= (os.cpu_count() or 1)
    monkeypatch.setenv(cores.CORES, "3")
    assert available_cores() == 3
    monkeypatch.setattr(free_memory, "CGROUP", tmp_path)
    monkeypatch.setattr(free_memory, "MEMORY", tmp_path / "none")
    (tmp_path / "memory.max").write_text("3000\n")
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.stat").write_text("inactive_file 0\n")
    assert free_memory.free_memory() == 2000
    (tmp_path / "memory.max").write_text("max\n")
    assert free_memory.free_memory() is None
    monkeypatch.undo()
    found = free_memory.free_memory()
    assert found is None or found > 2**20


def test_jobs_share_data_that_is_read_alike() -> None:
    data = {
        "_target_": "a.B",
        "root": "here",
        "seed": 0,
        "crop_size": 8,
        "sampling": "random",
        "loader": {"batch": 1},
    }
    one = data_hash(data)
    assert data_hash({**data, "seed": 1, "crop_size": 9, "sampling": "grid", "loader": {"b": 1}}) == one
    assert data_hash({**data, "root": "there"}) != one
