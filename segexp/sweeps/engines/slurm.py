"""The engine of a SLURM cluster: job arrays through submitit, watched through squeue.

Jobs belong to the cluster: they go on when the sweep's own process dies, and a sweep that goes on finds them again by
the name of their array, which holds that of the sweep folder.
"""

import importlib.util
import json
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.schema import SweepConfig
from segexp.errors import ConfigError, MissingExtraError
from segexp.runs.files import replace_file
from segexp.sweeps.engines import squeue
from segexp.sweeps.engines.base import Ended, Started, SweepError
from segexp.sweeps.engines.endings import JobEndings
from segexp.sweeps.engines.remote import RemoteJob
from segexp.sweeps.engines.squeue import QueueJob
from segexp.sweeps.layout import JobFiles
from segexp.system.process import python_path

ARRAY = 1000
"""Jobs of an array; SLURM's own limit, where nobody has changed it."""
LOOK, READ = 10.0, 1.0
"""Seconds between two calls of squeue, and between two looks at what the jobs have written."""
PATIENCE = 15.0
"""Seconds that a file may take from the node to here, once its job has left the queue."""
USUAL = ("None", "Priority", "Resources", "JobArrayTaskLimit", "BeginTime")
"""Reasons to wait that need no word."""
REASONS = {
    "OUT_OF_MEMORY": "SLURM killed it: out of memory; give more sweep.slurm.memory",
    "TIMEOUT": "its time was up; give more sweep.slurm.time or sweep.slurm.requeues",
    "CANCELLED": "it was cancelled with scancel",
}


class SlurmJobEngine:
    """Jobs in the queue of SLURM."""

    def __init__(
        self, folder: Path, section: SweepConfig, jobs: Mapping[int, Experiment], earlier: Mapping[str, Any], lock: int
    ) -> None:
        """Looks for jobs of an earlier start; see :func:`segexp.sweeps.engines.make.create_engine`."""
        _require()
        if section.gpus != "auto":
            raise ConfigError(
                "sweep.gpus: is for this machine; for SLURM give the number that a job needs, sweep.slurm.gpus"
            )
        self._folder = folder
        self._keys = section.slurm
        count = earlier.get("count", len(jobs))
        self._at_a_time = count if section.jobs == "auto" else section.jobs
        # A grid goes into the queue at once, where jobs grow old and SLURM counts those that run; a search has not
        # chosen its jobs yet.
        self.places = self._at_a_time if min(jobs) < 0 else max(count, self._at_a_time)
        self.facts = {"count": count, "threads": earlier.get("threads", self._keys.cpus)}
        self.notes: list[str] = []
        self._endings = JobEndings(folder)
        self._ids: dict[int, str] = {}
        self._left = living(folder)
        self._missing: dict[int, float] = {}
        self._stopping = ""
        self._signalled: set[int] = set()
        self._noted: set[str] = set()
        self._next_look = self._next_read = 0.0

    def __str__(self) -> str:
        keys = self._keys
        gpus = f" and {keys.gpus} GPU" if keys.gpus else ""
        where = f"partition {keys.partition}" if keys.partition else "the default partition"
        return f"{self._at_a_time} at a time on SLURM, {where}, {keys.cpus} cores{gpus} each"

    def expect(self, number: int, experiment: Experiment) -> None:
        """Nothing: a job reads its config from the sweep's folder."""

    def start(self, numbers: Sequence[int]) -> list[Started]:
        """Puts jobs into the queue, except those that are still there."""
        found = [number for number in numbers if number in self._left]
        for number in found:
            self._ids[number] = self._left.pop(number).id
        if found:
            self.notes.append(
                f"{len(found)} jobs of an earlier start are still in the queue; they are not started again"
            )
        new = [number for number in numbers if number not in self._ids]
        for at in range(0, len(new), ARRAY):
            self._submit(new[at : at + ARRAY])
        return [Started(number) for number in numbers]

    def _submit(self, numbers: Sequence[int]) -> None:
        from submitit.core.utils import FailedJobError, FailedSubmissionError

        for number in numbers:
            self._endings.expect(number)
        name = _next_batch(self._folder, numbers)
        try:
            executor = self._executor(name)
            work = RemoteJob(self._folder.absolute(), Path.cwd(), self.facts["threads"])
            jobs = executor.map_array(work, list(numbers))
        except (FailedJobError, FailedSubmissionError, ValueError) as error:
            raise ConfigError(f"sweep.slurm: SLURM refused the jobs: {_last_words(error)}") from error
        self._ids.update({number: job.job_id for number, job in zip(numbers, jobs, strict=True)})
        self.notes.append(f"in the queue of SLURM: {' to '.join(dict.fromkeys([jobs[0].job_id, jobs[-1].job_id]))}")

    def _executor(self, name: str) -> Any:
        from submitit import SlurmExecutor

        slurm = self._keys
        executor = SlurmExecutor(_logs(self._folder).absolute(), max_num_timeout=slurm.requeues)
        keys = {
            "partition": slurm.partition, "account": slurm.account, "constraint": slurm.constraint,
            "mem": slurm.memory, "gpus_per_node": slurm.gpus or None,
        }  # fmt: skip
        executor.update_parameters(
            **{key: value for key, value in keys.items() if value is not None},
            job_name=name, time=slurm.time, cpus_per_task=slurm.cpus, array_parallelism=self._at_a_time,
            # srun does not take over the number of cores since SLURM 22.05.
            srun_args=[f"--cpus-per-task={slurm.cpus}"], stderr_to_stdout=True,
            setup=[f"export PYTHONPATH={shlex.quote(python_path())}", *slurm.setup],
            additional_parameters={"requeue": True, **(slurm.options or {})},
        )  # fmt: skip
        return executor

    def wait(self, seconds: float) -> list[Ended]:
        """Jobs that wrote that they ended, and now and then those that left the queue without a word."""
        time.sleep(seconds)
        now = time.monotonic()
        ended: list[Ended] = []
        if now >= self._next_read:
            self._next_read = now + READ
            ended = [self._endings.read(number) for number in self._ids if self._endings.has_ended(number)]
        if now >= self._next_look:
            self._next_look = now + (READ if self._stopping else LOOK)
            ended += self._look(set(self._ids) - {one.number for one in ended}, now)
        for one in ended:
            del self._ids[one.number]
        return ended

    def _look(self, numbers: set[int], now: float) -> list[Ended]:
        try:
            jobs = squeue.list_queue()
        except SweepError as error:
            self._note(f"SLURM does not answer, waiting: {error}")
            return []
        by_id = {job.id: job for job in jobs}
        queue = {number: by_id[id] for number, id in self._ids.items() if id in by_id}
        alive = {number for number in numbers if number in queue and not queue[number].ended}
        for number in alive:
            self._missing.pop(number, None)
        self._tell_reasons(queue[number] for number in alive)
        self._stop({number: queue[number] for number in alive})
        gone = [number for number in numbers - alive if self._given_up(number, now)]
        return [self._endings.read(number, self._reason(number, queue.get(number))) for number in sorted(gone)]

    def _reason(self, number: int, job: QueueJob | None) -> str:
        """Why a job is gone that did not say so itself; empty: its process knows."""
        log = f"SLURM's log {_logs(self._folder)}/{self._ids[number]}_0_log.out"
        if job is not None and job.state in REASONS:
            return f"{REASONS[job.state]} ({log})"
        if "code" in JobFiles(self._folder, number).process():
            return ""
        return f"SLURM: {f'{job.state}, {job.reason}' if job else 'gone from the queue, no reason is known'} ({log})"

    def _given_up(self, number: int, now: float) -> bool:
        """Tells whether nothing more is to be heard of a job that is not in the queue."""
        since = self._missing.setdefault(number, now)
        return bool(self._stopping) or now - since >= PATIENCE

    def _tell_reasons(self, jobs: Iterable[QueueJob]) -> None:
        """Each reason to wait once, apart from what is usual."""
        for job in jobs:
            if job.state == "PENDING" and job.reason not in USUAL:
                self._note(f"SLURM: job {job.id} waits: {job.reason}")

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            self.notes.append(text)

    def interrupt(self) -> None:
        """Takes what waits out of the queue, and sends SIGINT to what runs."""
        self._stopping, self._next_look = "interrupt", 0.0

    def kill(self) -> None:
        """Ends all jobs; SIGTERM, with which scancel begins, is for a job only a warning."""
        self._stopping, self._next_look = "kill", 0.0

    def _stop(self, queue: Mapping[int, QueueJob]) -> None:
        if not self._stopping:
            return
        if self._stopping == "kill":
            for options in (["--signal=KILL"], []):
                squeue.cancel([job.id for job in queue.values()], *options)
            return
        # It may begin in this moment, and is then one of those that run.
        squeue.cancel([job.id for job in queue.values() if job.state == "PENDING"], "--state=PENDING")
        squeue.cancel([job.id for job in queue.values() if job.state not in ("PENDING", "RUNNING", "COMPLETING")])
        running = {number: job.id for number, job in queue.items() if job.state == "RUNNING"}
        # One that has just begun hears nothing yet; its turn comes with the next look.
        new = {n: id for n, id in running.items() if n not in self._signalled and JobFiles(self._folder, n).process()}
        squeue.cancel(new.values(), "--signal=INT")
        self._signalled |= set(new)

    def close(self) -> None:
        """Nothing: what still runs belongs to the cluster."""


def living(folder: Path) -> dict[int, QueueJob]:
    """Jobs of a sweep that SLURM still has, by number, whoever put them into the queue.

    Raises:
        SweepError: SLURM does not answer.
    """
    found: dict[int, QueueJob] = {}
    for job in squeue.list_queue():
        name, _, batch = job.name.rpartition("-")
        path = _batch_file(folder, batch)
        if name == _sweep_name(folder) and not job.ended and path.is_file():
            found[json.loads(path.read_text(encoding="utf-8"))[job.index]] = job
    return found


def refuse_living(folder: Path) -> None:
    """Raises if SLURM still has jobs of a sweep that goes on elsewhere; on a machine without SLURM nobody can be asked.

    Raises:
        ConfigError: It has.
    """
    if squeue.has_slurm() and (jobs := living(folder)):
        ids = ", ".join(job.id for job in jobs.values())
        raise ConfigError(
            f"sweep.resume: jobs of {folder} are still in the queue of SLURM: {ids}; go on with sweep.engine=slurm, or "
            "end them with scancel"
        )


def _next_batch(folder: Path, numbers: Sequence[int]) -> str:
    """Writes down which jobs an array holds, before it is in the queue; gives its name."""
    batch = sum(1 for _ in _logs(folder).glob("batch_*.json"))
    replace_file(_batch_file(folder, str(batch)), json.dumps(list(numbers)).encode())
    return f"{_sweep_name(folder)}-{batch}"


def _logs(folder: Path) -> Path:
    return folder / "slurm"


def _batch_file(folder: Path, batch: str) -> Path:
    return _logs(folder) / f"batch_{batch}.json"


def _sweep_name(folder: Path) -> str:
    return f"segexp-{folder.absolute().name}"


def _last_words(error: Exception) -> str:
    """Gives what sbatch said, without the trace that submitit puts around it."""
    lines = [line for line in str(error).splitlines() if line.startswith("sbatch: error:")]
    return "; ".join(line.removeprefix("sbatch: error:").strip() for line in lines) or str(error)


def _require() -> None:
    if importlib.util.find_spec("submitit") is None:
        raise MissingExtraError(
            "sweep.engine=slurm: the package submitit is not installed; pip install 'segexp[slurm]'"
        )
    squeue.require_slurm()
