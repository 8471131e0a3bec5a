"""A search for hyperparameters as its folder tells of it: all trials, and the best by validation images."""

import csv
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segexp.errors import DataError
from segexp.reporting import reproduce, values
from segexp.reporting.comparison.find import FINISHED, MANIFEST
from segexp.run.contents import RunContents, read_run
from segexp.special import special_file

TABLE = "trials.csv"
FIRST, LAST = ("trial", "state", "value"), ("epochs", "seconds", "folder")
"""Columns of trials.csv before and after those of the parameters, see :func:`segexp.sweeps.trials.write_trials`."""


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        number: In the study.
        state: ``finished``, ``pruned``, ``failed`` ...
        value: Of the monitor, on validation images: of the checkpoint that was kept; of a pruned trial its last one.
        parameters: By key, as trials.csv has them.
        epochs: That were trained.
        seconds: That they took.
        folder: Of its run, where it is there.
    """

    number: int
    state: str
    value: float | None
    parameters: Mapping[str, str]
    epochs: int | None
    seconds: float | None
    folder: Path | None


@dataclass(frozen=True)
class Search:
    """A search.

    Attributes:
        name: Of its study.
        trials: By number.
        monitor: What the trials are judged by, a figure of validation images.
        mode: ``max`` or ``min``: whether the highest or the lowest is best.
    """

    name: str
    trials: tuple[Trial, ...]
    monitor: str
    mode: str

    @cached_property
    def best(self) -> Trial | None:
        """The best that has finished; of equal ones the first, as Optuna does."""
        done = [trial for trial in self.trials if trial.state == FINISHED and trial.value is not None]
        sign = -1 if self.mode == "max" else 1
        return min(done, key=lambda trial: sign * (trial.value or 0.0), default=None)

    @property
    def states(self) -> str:
        """How many trials there are of each state."""
        return counted(trial.state for trial in self.trials)

    @property
    def command(self) -> str:
        """What trains the best trial again; empty where its folder is not there."""
        try:
            return "" if self.best is None or self.best.folder is None else reproduce.alone(read_run(self.best.folder))
        except DataError:
            return ""


def counted(states: Iterable[str]) -> str:
    """``6 finished, 2 pruned``."""
    return ", ".join(f"{count} {state}" for state, count in Counter(states).items())


def searches_of(runs: Sequence[RunContents], tops: Sequence[Path]) -> list[Search]:
    """The searches whose folders are, or lie below, the folders that are compared.

    Args:
        runs: Finished runs that were found there.
        tops: What was given; a search of which only some runs were given is none.
    """
    folders: dict[Path, RunContents] = {}
    for run in runs:
        above = run.path.parent
        if any(above.is_relative_to(top) for top in tops):
            folders.setdefault(above, run)
    return [found for folder, run in folders.items() if (found := _read(folder, run)) is not None]


def chosen(searches: Sequence[Search], runs: Sequence[RunContents]) -> str | None:
    """Run folder of the best trial of the only search, which others are compared with: test figures choose no base."""
    best = searches[0].best if len(searches) == 1 else None
    if best is None or best.folder is None or all(run.path.resolve() != best.folder.resolve() for run in runs):
        return None
    return str(best.folder)


def _read(folder: Path, run: RunContents) -> Search | None:
    if special_file(folder / MANIFEST) is not None:
        return None
    try:
        manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if values.inner(manifest, "search") is None:
        return None
    chosen = values.inner(run.results, "checkpoint")
    monitor = values.words(values.inner(chosen, "monitor")) or "value"
    mode = values.words(values.inner(chosen, "mode"))
    return Search(folder.name, tuple(_trials(folder, manifest)), monitor, mode or "max")


def _trials(folder: Path, manifest: object) -> list[Trial]:
    listed = values.inner(manifest, "jobs")
    jobs = [job for job in listed if isinstance(job, Mapping)] if isinstance(listed, list) else []
    own = {str(job.get("trial")): folder / str(job.get("folder")) for job in jobs}
    if not (folder / TABLE).is_file():
        return []
    with (folder / TABLE).open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    return [_trial(row, own.get(row["trial"]) or _place(row["folder"], folder)) for row in rows]


def _place(text: str, folder: Path) -> Path | None:
    """Of a trial that is none of the jobs: another worker's, or a repeat of a job, whose folder it names."""
    named = Path(text)
    return (named if named.is_dir() else folder / named.name) if text else None


def _trial(row: Mapping[str, str], place: Path | None) -> Trial:
    return Trial(
        int(row["trial"]),
        row["state"],
        float(row["value"]) if row["value"] else None,
        {key: text for key, text in row.items() if key not in FIRST + LAST},
        int(row["epochs"]) if row["epochs"] else None,
        float(row["seconds"]) if row["seconds"] else None,
        place if place is not None and place.is_dir() else None,
    )
