"""The engine of SLURM against commands that only pretend; tests/cluster has a real one."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import ConfigError, MissingExtraError
from segexp.sweeps.engines import slurm, squeue
from segexp.sweeps.engines.base import Ended, Started, SweepError
from segexp.sweeps.engines.make import create_engine
from segexp.sweeps.engines.slurm import SlurmJobEngine
from segexp.sweeps.engines.squeue import QueueJob
from segexp.sweeps.layout import JobFiles
from tests.sweeps.made import create, section, seeds

SLURM = {
    "partition": None, "account": None, "constraint": None, "time": 240, "memory": None, "cpus": 1, "gpus": 0,
    "requeues": 20, "setup": [], "options": None,
}  # fmt: skip
SBATCH = """#!/bin/sh
[ -f refuse ] && { echo "sbatch: error: invalid partition specified: gold" >&2; exit 1; }
echo "$1" >> sbatch.txt
echo "Submitted batch job $((10 + $(wc -l < sbatch.txt)))"
"""
SQUEUE = """#!/bin/sh
[ -f down ] && { echo "slurm_load_jobs error: Unable to contact slurm controller" >&2; exit 1; }
cat queue.txt
"""
SCANCEL = """#!/bin/sh
echo "$@" >> scancel.txt
"""


class Cluster:
    """Commands of SLURM in the current folder, and the sweep of three jobs that uses them."""

    def __init__(self, folder: Path) -> None:
        self.sweep = folder / "outputs" / "2026-11-24_20-20-50_3f1c"
        create(self.sweep, seeds(0, 1, 2))
        self.queue()

    def engine(self, earlier: dict[str, Any] | None = None, jobs: Any = "auto", **keys: Any) -> SlurmJobEngine:
        asked = section(engine="slurm", jobs=jobs, slurm={**SLURM, **keys})
        engine = create_engine(self.sweep, asked, {0: {}, 1: {}, 2: {}}, earlier or {}, 0)
        assert isinstance(engine, SlurmJobEngine)
        return engine

    def queue(self, *jobs: str, name: str = "segexp-2026-11-24_20-20-50_3f1c-0") -> None:
        """Lines as ``11_0 RUNNING None``."""
        lines = ["|".join([*job.split(" ", 2), name]) for job in jobs]
        Path("queue.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")

    def submitted(self) -> list[str]:
        """The scripts that sbatch was given."""
        found = sorted((self.sweep / "slurm").glob("*_submission.sh"))
        return [path.read_text(encoding="utf-8") for path in found]

    def cancelled(self) -> list[str]:
        path = Path("scancel.txt")
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        path.unlink(missing_ok=True)
        return lines

    def place(self, number: int) -> JobFiles:
        return JobFiles(self.sweep, number)

    def end(self, number: int, code: int = 0) -> None:
        self.place(number).write_outcome("finished" if code == 0 else "interrupted")
        self.place(number).write_process({"code": code, "seconds": 5.0, "memory_mb": 400})


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    for name, text in {"sbatch": SBATCH, "squeue": SQUEUE, "scancel": SCANCEL, "srun": "", "scontrol": ""}.items():
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    for name in ("LOOK", "READ", "PATIENCE"):
        monkeypatch.setattr(slurm, name, 0.0)
    return Cluster(tmp_path)


def test_all_jobs_are_one_array_with_the_keys_asked_for(cluster: Cluster) -> None:
    engine = cluster.engine(
        jobs=2, partition="gpu", memory="16GB", cpus=8, gpus=1, time=30, setup=["module load cuda"],
        options={"qos": "long"},
    )  # fmt: skip
    assert (engine.places, engine.facts) == (3, {"count": 3, "threads": 8})
    assert str(engine) == "2 at a time on SLURM, partition gpu, 8 cores and 1 GPU each"
    assert engine.start([0, 1, 2]) == [Started(0), Started(1), Started(2)]
    (script,) = cluster.submitted()
    asked = {line.removeprefix("#SBATCH --") for line in script.splitlines() if line.startswith("#SBATCH")}
    assert asked >= {
        "array=0-2%2", "partition=gpu", "mem=16GB", "cpus-per-task=8", "gpus-per-node=1", "time=30", "qos=long",
        "requeue", "signal=USR2@90", "job-name=segexp-2026-11-24_20-20-50_3f1c-0",
    }  # fmt: skip
    assert not [line for line in asked if line.startswith(("account", "constraint"))]
    assert "\nmodule load cuda\n" in script
    assert "export PYTHONPATH=" in script
    assert "--cpus-per-task=8" in next(line for line in script.splitlines() if line.startswith("srun"))
    assert json.loads((cluster.sweep / "slurm/batch_0.json").read_text(encoding="utf-8")) == [0, 1, 2]
    assert engine.notes == ["in the queue of SLURM: 11_0 to 11_2"]


def test_a_job_has_ended_when_it_says_so(cluster: Cluster) -> None:
    engine = cluster.engine()
    engine.start([0, 1, 2])
    cluster.queue("11_0 RUNNING None", "11_1 RUNNING None", "11_2 PENDING JobArrayTaskLimit")
    assert engine.wait(0) == []
    cluster.end(1)
    # SLURM still cleans up after it.
    assert engine.wait(0) == [Ended(1, 0, 5.0, 400)]
    assert engine.wait(0) == []


def test_a_job_put_back_into_the_queue_has_not_ended(cluster: Cluster) -> None:
    engine = cluster.engine()
    engine.start([0, 1, 2])
    cluster.place(0).write_process({"host": "node", "code": -9})
    for state in ("RUNNING None", "COMPLETING None", "PENDING BeginTime", "REQUEUED None", "CONFIGURING None"):
        cluster.queue(f"11_0 {state}", "11_1 RUNNING None", "11_2 SUSPENDED None")
        assert engine.wait(0) == []


def test_a_job_that_left_without_a_word_has_failed_with_the_word_of_slurm(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.place(0).write_outcome("finished")
    engine = cluster.engine()
    engine.start([0, 1, 2])
    cluster.queue("11_0 TIMEOUT TimeLimit", "11_1 OUT_OF_MEMORY OutOfMemory")
    log = f"(SLURM's log {cluster.sweep}/slurm/11_%d_0_log.out)"
    assert [(one.number, one.error) for one in engine.wait(0)] == [
        (0, f"its time was up; give more sweep.slurm.time or sweep.slurm.requeues {log % 0}"),
        (1, f"SLURM killed it: out of memory; give more sweep.slurm.memory {log % 1}"),
        (2, f"SLURM: gone from the queue, no reason is known {log % 2}"),
    ]


def test_files_may_come_later_than_the_queue_tells(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "PATIENCE", 60.0)
    engine = cluster.engine()
    engine.start([0, 1, 2])
    cluster.queue("11_1 RUNNING None", "11_2 RUNNING None")
    assert engine.wait(0) == []
    cluster.end(0)
    assert engine.wait(0) == [Ended(0, 0, 5.0, 400)]


def test_a_controller_that_is_down_ends_nothing(cluster: Cluster) -> None:
    engine = cluster.engine()
    engine.start([0, 1, 2])
    engine.notes.clear()
    Path("down").touch()
    assert [engine.wait(0), engine.wait(0)] == [[], []]
    assert engine.notes == [
        "SLURM does not answer, waiting: squeue: slurm_load_jobs error: Unable to contact slurm controller"
    ]


def test_jobs_that_are_still_in_the_queue_are_not_started_again(cluster: Cluster) -> None:
    cluster.engine().start([0, 1, 2])
    # Of the first start: job 0 has ended, 1 runs, 2 waits; job 7 of the same name is in an array of another sweep.
    cluster.queue("11_0 COMPLETED None", "11_1 RUNNING None", "11_2 PENDING Priority")
    again = cluster.engine({"name": "slurm", "count": 3, "threads": 4})
    assert again.facts["threads"] == 4
    again.start([0, 1, 2])
    assert again.notes[0] == "2 jobs of an earlier start are still in the queue; they are not started again"
    assert json.loads((cluster.sweep / "slurm/batch_1.json").read_text(encoding="utf-8")) == [0]
    # A single job is no array.
    assert "--array" not in cluster.submitted()[1]
    assert again.notes[1] == "in the queue of SLURM: 12"
    cluster.queue("12 RUNNING None", name="segexp-2026-11-24_20-20-50_3f1c-1")
    assert [job.id for job in slurm.living(cluster.sweep).values()] == ["12"]
    cluster.queue("12 RUNNING None", name="segexp-another-1")
    assert slurm.living(cluster.sweep) == {}


def test_ctrl_c_takes_back_what_waits_and_signals_what_runs_once(cluster: Cluster) -> None:
    engine = cluster.engine()
    engine.start([0, 1, 2])
    cluster.queue("11_0 RUNNING None", "11_1 RUNNING None", "11_2 PENDING Resources")
    cluster.place(0).write_process({"host": "node"})
    assert engine.wait(0) == []
    engine.interrupt()
    assert engine.wait(0) == []
    assert cluster.cancelled() == ["--quiet --state=PENDING 11_2", "--quiet --signal=INT 11_0"]
    # Job 1 has begun, and its process is there only now.
    cluster.queue("11_0 RUNNING None", "11_1 RUNNING None")
    assert [(one.number, one.error) for one in engine.wait(0)] == [
        (2, f"SLURM: gone from the queue, no reason is known (SLURM's log {cluster.sweep}/slurm/11_2_0_log.out)")
    ]
    assert cluster.cancelled() == []
    cluster.place(1).write_process({"host": "node"})
    engine.wait(0)
    engine.wait(0)
    assert cluster.cancelled() == ["--quiet --signal=INT 11_1"]
    cluster.end(0, 130)
    assert engine.wait(0) == [Ended(0, 130, 5.0, 400)]
    cluster.queue("11_1 CONFIGURING None")
    engine.wait(0)
    assert cluster.cancelled() == ["--quiet 11_1"]
    engine.kill()
    engine.wait(0)
    assert cluster.cancelled() == ["--quiet --signal=KILL 11_1", "--quiet 11_1"]


def test_a_reason_to_wait_is_told_once(cluster: Cluster) -> None:
    engine = cluster.engine()
    engine.start([0, 1, 2])
    engine.notes.clear()
    cluster.queue("11_0 PENDING Resources", "11_1 PENDING (QOSMaxGRES) of user", "11_2 PENDING Priority")
    engine.wait(0)
    engine.wait(0)
    assert engine.notes == ["SLURM: job 11_1 waits: (QOSMaxGRES) of user"]


def test_what_sbatch_refuses_is_told_in_its_words(cluster: Cluster) -> None:
    Path("refuse").touch()
    with pytest.raises(ConfigError) as caught:
        cluster.engine(partition="gold").start([0, 1, 2])
    assert str(caught.value) == "sweep.slurm: SLURM refused the jobs: invalid partition specified: gold"


def test_more_jobs_than_an_array_holds(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slurm, "ARRAY", 2)
    engine = cluster.engine()
    engine.start([0, 1, 2])
    assert engine.notes == ["in the queue of SLURM: 11_0 to 11_1", "in the queue of SLURM: 12"]


def test_a_search_asks_for_jobs_one_by_one(cluster: Cluster) -> None:
    asked = section(engine="slurm", jobs=2, slurm=SLURM)
    assert create_engine(cluster.sweep, asked, {-1: {}, -2: {}}, {"count": 50}, 0).places == 2


def test_another_engine_is_refused_while_jobs_are_in_the_queue(cluster: Cluster) -> None:
    cluster.engine().start([0, 1, 2])
    cluster.queue("11_1 RUNNING None")
    with pytest.raises(ConfigError, match=r"are still in the queue of SLURM: 11_1; go on with sweep\.engine=slurm"):
        create_engine(cluster.sweep, section(), {1: {}}, {"name": "slurm"}, 0)


@pytest.mark.parametrize(
    ("found", "error", "words"),
    [
        (lambda name: None, ConfigError, "start the sweep on a login node of the cluster"),
        (lambda name: "/usr/bin/" + name, MissingExtraError, r"pip install 'segexp\[slurm\]'"),
    ],
)
def test_what_is_not_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, found: Callable[[str], str], error: type, words: str
) -> None:
    monkeypatch.setattr(squeue.shutil, "which", found)
    if error is MissingExtraError:
        monkeypatch.setattr(slurm.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(error, match=words):
        create_engine(tmp_path, section(engine="slurm", slurm=SLURM), {0: {}}, {}, 0)


def test_gpus_of_this_machine_mean_nothing_there(cluster: Cluster) -> None:
    asked = section(engine="slurm", gpus=[0], slurm=SLURM)
    with pytest.raises(ConfigError, match=r"sweep\.gpus: is for this machine"):
        create_engine(cluster.sweep, asked, {0: {}}, {}, 0)


def test_lines_of_squeue() -> None:
    text = "12_3|RUNNING|None|segexp-a-0\n13|PENDING|(Nodes required|drained)|b\nslurm: odd\n"
    assert squeue.parse(text)[0] == QueueJob("12_3", "RUNNING", "None", "segexp-a-0")
    assert [(job.index, job.ended) for job in squeue.parse(text)] == [(3, False), (0, False)]
    assert QueueJob("1", "NODE_FAIL", "None", "x").ended
    with pytest.raises(SweepError, match="no_such_command"):
        squeue.slurm("no_such_command")
