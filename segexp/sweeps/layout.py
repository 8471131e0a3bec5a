"""Where things lie in a sweep folder, and what a job leaves there for others to read.

======================== ==============================================================
manifest.json            state of every job
jobs/NNN/config.yaml     its config, written before the first job starts
jobs/NNN/job.json        how it was started
jobs/NNN/output.log      what it said
jobs/NNN/outcome.json    how it ended, by its own word; missing while it runs and after a kill
jobs/NNN/failed.json     its error with the trace
jobs/NNN/process.json    on a cluster: its host, its time and memory; written by the process beside it
NNN_<overrides>/         its run folder
======================== ==============================================================
"""

import json
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from segexp.config.experiment import Experiment
from segexp.config.migration import migrated_stored
from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import DataError
from segexp.invocation import Invocation
from segexp.runs.files import replace_file, sync
from segexp.runs.json_yaml import read_json, read_yaml
from segexp.runs.paths import require_inside
from segexp.sweeps.plan import Job

Ending = Literal["finished", "pruned", "failed", "interrupted"]


class JobFiles:
    """The files of one job."""

    def __init__(self, sweep: Path, number: int) -> None:
        self.sweep = sweep
        self.number = number
        self.path = sweep / "jobs" / f"{number:03d}"
        self.output = self.path / "output.log"
        self.failure = self.path / "failed.json"
        self._outcome = self.path / "outcome.json"
        self._process = self.path / "process.json"

    def write(self, job: Job) -> None:
        """Writes what the job needs to start."""
        invocation = job.experiment.invocation
        content = {
            "key": job.key,
            "label": job.label,
            "folder": job.folder,
            "overrides": list(invocation.overrides),
            "choices": invocation.choices,
            "command": invocation.command,
            "trial": invocation.trial,
        }
        experiment = replace(job.experiment, sweep=replace(job.experiment.sweep, resume=None))
        text = yaml.safe_dump(experiment.plain(), sort_keys=False, allow_unicode=True)
        replace_file(self.path / "config.yaml", text.encode())
        _write_json(self.path / "job.json", content)

    def read(self) -> Job:
        """The job as it was planned.

        Raises:
            DataError: Its files are missing or damaged.
        """
        try:
            config = migrated_stored(read_yaml(self.path / "config.yaml"), self.path / "config.yaml")
            content = read_json(self.path / "job.json")
            invocation = Invocation(
                content["command"], tuple(content["overrides"]), content["choices"], self.sweep, self.number
            )
            folder = require_inside(self.sweep, content["folder"], f"{self.path / 'job.json'}: folder")
            # Sweeps from before there were searches have no trial.
            invocation = replace(invocation, folder=folder, trial=content.get("trial"))
            return Job(self.number, content["key"], content["label"], Experiment.from_plain(config, invocation))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(f"{self.path}: the files of this job cannot be read: {error}; start a new sweep") from error

    def forget_outcome(self) -> None:
        """The job starts: how it ended before no longer counts."""
        for path in (self._outcome, self.failure):
            path.unlink(missing_ok=True)
        sync(self.path)

    def write_outcome(self, state: Ending, error: str | None = None) -> None:
        """The last thing that a job does."""
        _write_json(self._outcome, {"state": state, "error": error})

    def write_failure(self, error: str, code: int, trace: list[str]) -> None:
        """Keeps the error for whoever looks later."""
        content = {"error": error, "exit_code": code, "time": now(), "log": self.output.name, "trace": trace}
        _write_json(self.failure, content)

    def outcome(self) -> tuple[Ending, str | None] | None:
        """Gives how the job ended by its own word; None: it has not, or was killed."""
        try:
            content = read_json(self._outcome)
            state, error = content["state"], content["error"]
        except (OSError, ValueError, KeyError, TypeError):
            return None
        return (state, error) if state in get_args(Ending) and isinstance(error, str | None) else None

    def outcome_stamp(self) -> int | None:
        """Changes when the job says again how it ended; None: it has not."""
        try:
            return self._outcome.stat().st_mtime_ns
        except OSError:
            return None

    def write_process(self, facts: dict[str, Any]) -> None:
        """Writes what the process beside a job on a cluster knows of it: ``host``, at the end ``code``."""
        _write_json(self._process, facts)

    def process(self) -> dict[str, Any]:
        """Empty: the job has not started."""
        try:
            content: dict[str, Any] = read_json(self._process)
        except (OSError, ValueError):
            return {}
        return content

    def forget_process(self) -> None:
        """The job is handed over anew."""
        self._process.unlink(missing_ok=True)


def now() -> str:
    """Time of day with zone, to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


def resume_command(folder: Path, more: Sequence[str] = ()) -> str:
    """The command that goes on with a sweep; ``more`` words are those that are not taken from its folder."""
    return command_line([hydra_override("sweep.resume", str(folder)), *more])


def _write_json(path: Path, content: dict[str, Any]) -> None:
    replace_file(path, (json.dumps(content, indent=2) + "\n").encode())
