"""manifest.json: the state of every job of a sweep, on the disk before anything else happens."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from segexp.errors import ConfigError, DataError
from segexp.runs.files import replace_file
from segexp.runs.json_yaml import read_json
from segexp.runs.paths import require_inside
from segexp.runs.text import printable, shortened
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.plan import Job

MANIFEST = "manifest.json"
State = Literal["waiting", "running", "finished", "pruned", "failed", "interrupted"]


@dataclass(frozen=True)
class Entry:
    """The manifest's record of one job; ``folder`` is relative to the sweep's; ``trial``: of a search, its number."""

    number: int
    key: str
    label: str
    overrides: list[str]
    choices: dict[str, str]
    folder: str
    state: State = "waiting"
    attempts: int = 0
    started: str | None = None
    ended: str | None = None
    seconds: float | None = None
    memory_mb: int | None = None
    gpu: str | None = None
    error: str | None = None
    trial: int | None = None

    @classmethod
    def of_job(cls, job: Job) -> "Entry":
        """A job that waits."""
        trial = None if job.experiment.invocation.trial is None else int(job.experiment.invocation.trial["number"])
        overrides, choices = list(job.experiment.invocation.overrides), job.experiment.invocation.choices
        return cls(job.number, job.key, job.label, overrides, choices, job.folder, trial=trial)


@dataclass
class Manifest:
    """All jobs by number, with the facts of the sweep: command, time, jobs at a time, threads of each."""

    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)
    again: list[str] = field(default_factory=list)
    """Words that a command to go on needs beside the folder; not in the file, which could tell any."""
    _texts: dict[int, tuple[Entry, str]] = field(default_factory=dict, repr=False, compare=False)

    @classmethod
    def create(cls, folder: Path, jobs: Sequence[Job], facts: dict[str, Any]) -> "Manifest":
        """Writes the configs of all jobs, then the manifest: a folder without one holds nothing that was started."""
        for job in jobs:
            JobFiles(folder, job.number).write(job)
        manifest = cls(folder, facts, {job.number: Entry.of_job(job) for job in jobs})
        manifest.write()
        return manifest

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """The manifest of a sweep.

        Raises:
            ConfigError: The folder is not that of a sweep.
            DataError: The file was damaged.
        """
        path = folder / MANIFEST
        if not path.is_file():
            raise ConfigError(f"sweep.resume: no file {path}; give the folder of a sweep, outputs/multirun/<name>")
        try:
            content = read_json(path)
            entries = [_entry(folder, job) for job in content.pop("jobs")]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{path}: is no manifest of segexp: {shortened(printable(str(error)), 200)}; was it edited?"
            ) from error
        return cls(folder, content, {entry.number: entry for entry in entries})

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def write(self) -> None:
        """Replaces the file in one step and waits for the disk."""
        replace_file(self.folder / MANIFEST, self._text().encode())

    def _text(self) -> str:
        """The file as JSON: of a job that is as it was, the text that was made before; a sweep may have thousands."""
        head = json.dumps({**self.facts, "jobs": []}, indent=2)
        jobs = ",\n".join(self._entry_text(entry) for entry in self)
        return (head.removesuffix("[]\n}") + f"[\n{jobs}\n  ]\n}}" if jobs else head) + "\n"

    def _entry_text(self, entry: Entry) -> str:
        known = self._texts.get(entry.number)
        if known is None or known[0] is not entry:
            text = "    " + json.dumps(asdict(entry), indent=2).replace("\n", "\n    ")
            self._texts[entry.number] = known = (entry, text)
        return known[1]

    def add(self, job: Job) -> Entry:
        """Takes one more job: its files first, so that a job that is listed can be run."""
        JobFiles(self.folder, job.number).write(job)
        self.entries[job.number] = Entry.of_job(job)
        self.write()
        return self.entries[job.number]

    def change(self, number: int, **changes: Any) -> Entry:
        """Changes one job and writes the file."""
        self.entries[number] = replace(self.entries[number], **changes)
        self.write()
        return self.entries[number]

    def of(self, *states: State) -> list[Entry]:
        """Jobs in one of these states, by number."""
        return [entry for entry in self if entry.state in states]

    def reconcile(self) -> list[str]:
        """Corrects what was true when the sweep was killed; to be called when no process of it is left.

        Returns:
            A line for every finished job that has to run again, because its results are gone.
        """
        notes = []
        for entry in list(self):
            if entry.state == "running":
                state, error = JobFiles(self.folder, entry.number).outcome() or ("interrupted", None)
                self.entries[entry.number] = replace(entry, state=state, error=error)
            elif entry.state == "finished" and not (self.folder / entry.folder / "results.json").is_file():
                notes.append(f"job {entry.number}: {self.folder / entry.folder}/results.json is gone; it runs again")
                self.entries[entry.number] = replace(entry, state="waiting")
        self.write()
        return notes


def _entry(folder: Path, job: dict[str, Any]) -> Entry:
    """A job of the file; its folder is one of the sweep's.

    Raises:
        StoredError: It is not.
        ValueError: Its number is none.
    """
    entry = Entry(**job)
    if type(entry.number) is not int or entry.number < 0:
        raise ValueError(f"the number of a job is {entry.number!r}")
    require_inside(folder, entry.folder, f"{folder / MANIFEST}: jobs.{entry.number}.folder")
    return entry
