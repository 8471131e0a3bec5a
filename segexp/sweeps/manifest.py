"""The manifest: the state of every job of a sweep, on the disk before anything else happens."""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, Literal, get_type_hints

from segexp.config.checks.annotation_fit import describe, matches
from segexp.errors import ConfigError, DataError
from segexp.runs.files import replace_file
from segexp.runs.json_yaml import parse_json, read_json
from segexp.runs.manifest_files import CHANGES, MANIFEST, append_change, forget_changes, read_changes
from segexp.runs.paths import require_inside
from segexp.runs.text import printable, shortened
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.plan import Job

PAUSE = 50
"""So many times as long as it took to write the file whole it is not written whole again: at most 2 % of the time."""
LONGEST_PAUSE = 10.0
"""Seconds, where a disk took long once."""
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
    _due: float = field(default=0.0, repr=False, compare=False)
    """When the file may be written whole again."""
    _behind: bool = field(default=False, repr=False, compare=False)
    """Whether there are changes that it does not hold."""

    def __post_init__(self) -> None:
        self._counts = Counter(entry.state for entry in self)

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
        # First the changes, see read_manifest; here texts stay as they were written.
        changes = read_changes(folder, parse_json)
        source = path
        try:
            content = read_json(path)
            entries = [_entry(folder, job, source) for job in content.pop("jobs")]
            source = folder / CHANGES
            entries += [_entry(folder, job, source) for job in changes.values()]
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise DataError(
                f"{source}: is no manifest of segexp: {shortened(printable(str(error)), 200)}; was it edited?"
            ) from error
        return cls(folder, content, {entry.number: entry for entry in entries}, _behind=bool(changes))

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def write(self) -> None:
        """Replaces the file in one step and waits for the disk."""
        start = monotonic()
        replace_file(self.folder / MANIFEST, self._text().encode())
        forget_changes(self.folder)
        end = monotonic()
        self._due, self._behind = end + min(PAUSE * (end - start), LONGEST_PAUSE), False

    def catch_up(self, *, at_once: bool = False) -> None:
        """Writes the file whole where there are changes that it does not hold, and it is time, or at once."""
        if self._behind and (at_once or monotonic() >= self._due):
            self.write()

    def _keep(self, entry: Entry) -> None:
        """Brings a job that is new or has changed to the disk: in the whole file, or where it must wait beside it."""
        self._set(entry)
        is_due = monotonic() >= self._due
        # Beside earlier changes the last one, too: a kill between the whole file and their end would bring them back.
        if self._behind or not is_due:
            append_change(self.folder, asdict(entry))
        self._behind = True
        if is_due:
            self.write()

    def _set(self, entry: Entry) -> None:
        if (before := self.entries.get(entry.number)) is not None:
            self._counts[before.state] -= 1
        self._counts[entry.state] += 1
        self.entries[entry.number] = entry

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
        self._keep(Entry.of_job(job))
        return self.entries[job.number]

    def change(self, number: int, **changes: Any) -> Entry:
        """Changes one job, on the disk too."""
        self._keep(replace(self.entries[number], **changes))
        return self.entries[number]

    def of(self, *states: State) -> list[Entry]:
        """Jobs in one of these states, by number."""
        return [entry for entry in self if entry.state in states]

    def count(self, *states: State) -> int:
        """Number of jobs in one of these states."""
        return sum(self._counts[state] for state in states)

    def reconcile(self) -> list[str]:
        """Corrects what was true when the sweep was killed; to be called when no process of it is left.

        Returns:
            A line for every finished job that has to run again, because its results are gone.
        """
        notes = []
        for entry in list(self):
            has_results = (self.folder / entry.folder / "results.json").is_file()
            if entry.state in ("running", "interrupted"):
                state, error = JobFiles(self.folder, entry.number).outcome() or ("interrupted", None)
                # Of an interrupted one the end could not be written down: a disk was full, or the engine had gone.
                if entry.state == "running" or (state == "finished" and has_results):
                    self._set(replace(entry, state=state, error=error))
            elif entry.state == "finished" and not has_results:
                notes.append(f"job {entry.number}: {self.folder / entry.folder}/results.json is gone; it runs again")
                self._set(replace(entry, state="waiting"))
        self.write()
        return notes


def _entry(folder: Path, job: dict[str, Any], source: Path) -> Entry:
    """A job of the file; its folder is one of the sweep's.

    Raises:
        StoredError: It is not.
        ValueError: A value is of another type than the sweep writes.
    """
    entry = Entry(**job)
    for name, annotation in _types().items():
        if not matches(value := getattr(entry, name), annotation):
            raise ValueError(f"{name} of a job is {value!r}, expected {describe(annotation)}")
    if entry.number < 0:
        raise ValueError(f"the number of a job is {entry.number!r}")
    require_inside(folder, entry.folder, f"{source}: jobs.{entry.number}.folder")
    return entry


@cache
def _types() -> dict[str, Any]:
    return get_type_hints(Entry)
