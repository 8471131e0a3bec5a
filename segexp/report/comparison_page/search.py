"""A search for hyperparameters as its folder tells of it: all trials, and the best by validation images."""

import csv
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from segexp.errors import DataError, one_line
from segexp.report.run_page import reproduce
from segexp.report.run_page.decided import of_monitor
from segexp.runs import entries
from segexp.runs.contents import RunContents, read_run
from segexp.runs.find import FINISHED
from segexp.runs.manifest_files import read_manifest
from segexp.runs.paths import path_inside
from segexp.runs.table_file import read_csv

TABLE = "trials.csv"
FIRST, LAST = ("trial", "state", "value"), ("epochs", "seconds", "folder")
"""Columns of trials.csv before and after those of the parameters."""


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
        half: ``at 0.5`` where a threshold decides the monitor, and test figures are at another one.
    """

    name: str
    trials: tuple[Trial, ...]
    monitor: str
    mode: str
    half: str = ""

    @cached_property
    def best(self) -> Trial | None:
        """The best that has finished; of equal ones the first, as Optuna does."""
        done = [trial for trial in self.trials if trial.state == FINISHED and trial.value is not None]
        sign = -1 if self.mode == "max" else 1
        return min(done, key=lambda trial: sign * (trial.value or 0.0), default=None)

    @property
    def places(self) -> dict[Path, int]:
        """Place by validation of each run folder, the best first; trials without a value come last."""
        sign = -1 if self.mode == "max" else 1
        ranked = sorted(self.trials, key=lambda trial: (trial.value is None, sign * (trial.value or 0.0), trial.number))
        found: dict[Path, int] = {}
        for place, trial in enumerate(ranked):
            if trial.folder is not None:
                found.setdefault(trial.folder.resolve(), place)
        return found

    @property
    def states(self) -> str:
        """Number of trials of each state, in words."""
        return counted(trial.state for trial in self.trials)

    @property
    def command(self) -> str:
        """Command line that trains the best trial again; empty where its folder is not there."""
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


def best_trial_folder(searches: Sequence[Search], runs: Sequence[RunContents]) -> str | None:
    """Run folder of the best trial of the only search, which others are compared with: test figures choose no base."""
    best = searches[0].best if len(searches) == 1 else None
    if best is None or best.folder is None or all(run.path.resolve() != best.folder.resolve() for run in runs):
        return None
    return str(best.folder)


def _read(folder: Path, run: RunContents) -> Search | None:
    try:
        manifest = read_manifest(folder)
    except (OSError, DataError):
        return None
    if entries.get_in(manifest, "search") is None:
        return None
    chosen = entries.get_in(run.results, "checkpoint")
    monitor = entries.to_text(entries.get_in(chosen, "monitor")) or "value"
    mode = entries.to_text(entries.get_in(chosen, "mode"))
    return Search(folder.name, tuple(_trials(folder, manifest)), monitor, mode or "max", of_monitor(run.results))


def _trials(folder: Path, manifest: object) -> list[Trial]:
    listed = entries.get_in(manifest, "jobs")
    jobs = [job for job in listed if isinstance(job, Mapping)] if isinstance(listed, list) else []
    own = {str(job.get("trial")): path_inside(folder, job.get("folder")) for job in jobs}
    if not (folder / TABLE).is_file():
        return []
    try:
        with (folder / TABLE).open(newline="", encoding="utf-8", errors="replace") as stream:
            rows = read_csv(stream)
        return [_trial(row, own.get(row["trial"]) or _place(row["folder"], folder)) for row in rows]
    except (ValueError, KeyError, csv.Error) as error:
        raise DataError(f"{folder / TABLE}: is no table of trials ({one_line(error)}); was it edited?") from error


def _place(text: str, folder: Path) -> Path | None:
    """Of a trial that is none of the jobs: another worker's beside this sweep, or a repeat, whose folder it names."""
    if not text:
        return None
    beside = path_inside(folder.resolve().parent, Path(text).absolute())
    return beside if beside is not None and beside.is_dir() else path_inside(folder, Path(text).name)


def _trial(row: Mapping[str, str], place: Path | None) -> Trial:
    return Trial(
        int(row["trial"]),
        row["state"],
        _finite(row["value"]),
        {key: text for key, text in row.items() if key not in FIRST + LAST},
        int(row["epochs"]) if row["epochs"] else None,
        _finite(row["seconds"]),
        place if place is not None and place.is_dir() else None,
    )


def _finite(text: str) -> float | None:
    value = float(text or "nan")
    return value if math.isfinite(value) else None
