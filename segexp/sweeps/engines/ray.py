"""The engine of a Ray cluster: a task for each job."""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.schema import SweepConfig
from segexp.errors import ConfigError
from segexp.sweeps.engines.base import Ended, Started, SweepError
from segexp.sweeps.engines.endings import JobEndings
from segexp.sweeps.engines.remote import RemoteJob
from segexp.system.ray_cluster import connect_ray, unmet_resources


class RayJobEngine:
    """Jobs as tasks of Ray. They end with the sweep's own process."""

    def __init__(
        self, folder: Path, section: SweepConfig, jobs: Mapping[int, Experiment], earlier: Mapping[str, Any], lock: int
    ) -> None:
        """Connects to the cluster, or starts one here; see :func:`segexp.sweeps.engines.make.create_engine`."""
        if section.gpus != "auto":
            raise ConfigError(
                "sweep.gpus: is for this machine; for Ray give the number that a job needs, sweep.ray.gpus"
            )
        self._settings = section.ray
        count = earlier.get("count", len(jobs))
        self.places = count if section.jobs == "auto" else section.jobs
        self.facts = {"count": count, "threads": earlier.get("threads", self._settings.cpus)}
        self._endings = JobEndings(folder)
        self._ray = connect_ray("sweep", self._settings.address)
        asked = {"CPU": self._settings.cpus, "GPU": self._settings.gpus}
        self.notes = unmet_resources(self._ray, asked, "jobs")
        work = RemoteJob(folder.absolute(), Path.cwd(), self.facts["threads"])
        self._task = self._ray.remote(
            num_cpus=self._settings.cpus, num_gpus=self._settings.gpus,
            # A fresh process for each job, and again when a node is lost; not when a job has failed.
            max_calls=1, max_retries=self._settings.retries, retry_exceptions=False,
        )(_run)  # fmt: skip
        self._work = self._ray.put(work)
        self._running: dict[Any, int] = {}

    def __str__(self) -> str:
        cluster = self._ray.cluster_resources()
        has = f"{cluster.get('CPU', 0):g} cores and {cluster.get('GPU', 0):g} GPU"
        asks = f"{self._settings.cpus} cores and {self._settings.gpus:g} GPU"
        return f"at most {self.places} at a time on Ray with {has}, {asks} each"

    def expect(self, number: int, experiment: Experiment) -> None:
        """Nothing: a job reads its config from the sweep's folder."""

    def start(self, numbers: Sequence[int]) -> list[Started]:
        """Hands tasks over; Ray starts them when there is room."""
        for number in numbers:
            self._endings.expect(number)
            self._running[self._task.remote(self._work, number)] = number
        return [Started(number) for number in numbers]

    def wait(self, seconds: float) -> list[Ended]:
        """Tasks that have ended.

        Raises:
            SweepError: Ray is gone.
        """
        if not self._running:
            time.sleep(seconds)
            return []
        try:
            ready, _ = self._ray.wait(list(self._running), num_returns=len(self._running), timeout=seconds)
            return [self._ended(task) for task in ready]
        except (self._ray.exceptions.RaySystemError, ConnectionError) as error:
            raise SweepError(f"Ray is gone, and the jobs with it: {error}") from error

    def _ended(self, task: Any) -> Ended:
        number = self._running.pop(task)
        error = ""
        try:
            self._ray.get(task)
        except self._ray.exceptions.RayError as lost:
            # Some errors have no text.
            error = ": ".join(["Ray", type(lost).__name__, *str(lost).strip().splitlines()[:1]])
        return self._endings.read(number, error)

    def interrupt(self) -> None:
        """Takes back what waits; what runs hears Ctrl-C."""
        for task in self._running:
            self._ray.cancel(task, force=False)

    def kill(self) -> None:
        """Ends the processes that run tasks, and with each its job."""
        for task in self._running:
            self._ray.cancel(task, force=True)

    def close(self) -> None:
        """Leaves the cluster; one that was started here ends."""
        self._ray.shutdown()


def _run(work: RemoteJob, number: int) -> None:
    work(number)
