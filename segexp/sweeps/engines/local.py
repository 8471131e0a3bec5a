"""The engine of this machine: a fork server, and as many jobs at a time as there are places."""

import hashlib
import json
import os
import signal
import socket
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.schema import ObjectConfig, SweepConfig
from segexp.config.signatures.signature import signature
from segexp.sweeps.engines.base import Ended, Started, SweepError
from segexp.sweeps.engines.devices import plan_devices
from segexp.sweeps.engines.ipc import Channel, Message
from segexp.sweeps.engines.process import fresh_python


class ForkServer:
    """The process that imports everything once; started as early as possible, since that takes seconds."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the server
        with theirs:
            self._process = subprocess.Popen(
                fresh_python("run_server", str(theirs.fileno()), str(os.getpid())),
                stdin=subprocess.DEVNULL, stdout=self._said, stderr=subprocess.STDOUT, pass_fds=[theirs.fileno()],
                env={**os.environ, **_QUIET}, start_new_session=True,
            )  # fmt: skip

    def said(self) -> str:
        """Gives the output of the server, for the message when it is gone."""
        self._said.seek(0)
        return self._said.read().decode(errors="replace").strip()

    def close(self) -> None:
        """Ends it, and with it every job that still runs."""
        self.channel.close()
        self._process.kill()
        self._process.wait()
        self._said.close()


_QUIET = {
    # OpenMP and BLAS libraries start no threads: a job gets its number of threads after the fork.
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1",
    # torch.cuda.is_available() asks the driver's library without starting CUDA, which no fork survives.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}  # fmt: skip


class LocalJobEngine:
    """Jobs as forks of one server."""

    server: ForkServer | None = None
    """One that was started ahead, to be used by the next engine."""

    def __init__(
        self, folder: Path, section: SweepConfig, jobs: Mapping[int, Experiment], earlier: Mapping[str, Any], lock: int
    ) -> None:
        """Takes the fork server, or starts one; see :func:`segexp.sweeps.engines.make.create_engine`."""
        accelerators = [job.trainer.accelerator for job in jobs.values()]
        ranks = [job.trainer.devices for job in jobs.values()]
        self._layout = plan_devices(
            section, earlier.get("count", len(jobs)), accelerators, earlier.get("threads"), ranks
        )
        self.places = self._layout.jobs
        self.facts = {
            "count": earlier.get("count", len(jobs)),
            "places": self.places,
            "threads": self._layout.threads,
        }
        self.notes: list[str] = []
        self._data: dict[int, str] = {}
        self._uses = Counter[str]()
        """By hash of data: jobs to come that read them."""
        self._held: set[str] = set()
        """Hashes of what the server may hold: of the last job, and of those before it what one to come reads."""
        for number, job in jobs.items():
            self.expect(number, job)
        self._running: dict[int, int] = {}
        self._server = self._take_server()
        self._server.channel.send({"do": "sweep", "folder": str(folder)}, handles=(lock,))

    @classmethod
    def start_ahead(cls) -> None:
        """Starts the server while configs are still being composed."""
        cls.server = cls.server or ForkServer()

    @classmethod
    def stop_ahead(cls) -> None:
        """Ends a server that no engine has taken."""
        if cls.server is not None:
            cls.server.close()
            cls.server = None

    def _take_server(self) -> ForkServer:
        self.start_ahead()
        server, LocalJobEngine.server = LocalJobEngine.server, None
        if server is None:
            raise SweepError("no fork server")
        return server

    def __str__(self) -> str:
        return str(self._layout)

    def expect(self, number: int, experiment: Experiment) -> None:
        """Notes what it reads; what samples of a search read stays in the server for all its trials."""
        self._data[number] = data_hash(experiment.datamodule)
        self._uses[self._data[number]] += 1

    def start(self, numbers: Sequence[int]) -> list[Started]:
        """Sends the jobs to the server, each with a place of its own."""
        started = []
        for number in numbers:
            place = min(set(range(self.places)) - set(self._running.values()))
            self._running[number] = place
            gpu = self._layout.gpu(place)
            data = self._take_data(number)
            environment = {} if gpu is None else {"CUDA_VISIBLE_DEVICES": gpu}
            self._send(
                do="start", job=number, threads=self._layout.threads, environment=environment, data=data,
                later=sorted(name for name in self._held if self._uses[name]),
            )  # fmt: skip
            started.append(Started(number, gpu))
        return started

    def _take_data(self, number: int) -> str:
        """Hash of what a job reads that starts now; no look at all jobs to come, of which there may be thousands."""
        data = self._data.pop(number)
        self._uses[data] -= 1
        self._held = {data, *(name for name in self._held if self._uses[name])}
        return data

    def wait(self, seconds: float) -> list[Ended]:
        """Gives the jobs that have ended, from the messages of the server."""
        messages, _ = self._server.channel.receive(seconds)
        if not self._server.channel.open:
            raise SweepError(f"the fork server has ended, and its jobs with it:\n{self._server.said()}")
        return list(self._ended(messages))

    def _ended(self, messages: Iterable[Message]) -> Iterable[Ended]:
        for message in messages:
            if "note" in message and message["note"] not in self.notes:
                self.notes.append(message["note"])
            if "ended" in message:
                del self._running[message["ended"]]
                yield Ended(message["ended"], message["code"], message["seconds"], message["memory_mb"])

    def interrupt(self) -> None:
        """SIGINT to every job."""
        self._send(do="signal", number=signal.SIGINT)

    def kill(self) -> None:
        """SIGKILL to every job and its loading processes."""
        self._send(do="signal", number=signal.SIGKILL)

    def close(self) -> None:
        """Ends the server."""
        self._server.close()

    def _send(self, **message: Any) -> None:
        self._server.channel.send(message)


def data_hash(section: ObjectConfig) -> str:
    """Hash of what a job reads: the data set's own keys, without those that all data sets share."""
    base = signature("segexp.data.base.ImageDataModule")
    shared = base.parameters if base is not None else {}
    kept = {key: value for key, value in section.items() if key not in shared}
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:16]
