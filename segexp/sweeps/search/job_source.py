"""The jobs of a search: asks the study for a trial when a place is free, and reports how each has ended."""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segexp.config.experiment import Experiment
from segexp.errors import ConfigError, SegexpError
from segexp.runs.json_yaml import read_json
from segexp.sweeps.engines.base import JobEngine
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.manifest import Entry, Manifest
from segexp.sweeps.plan import Job, config_key
from segexp.sweeps.search.dimensions import Value
from segexp.sweeps.search.marks import FOLDER, LOST, OWNER, counted_trials
from segexp.sweeps.search.space import Space
from segexp.sweeps.search.study import distributions

if TYPE_CHECKING:
    from optuna import Study, Trial

GIVE_UP = 3
"""So many failures, and not one trial that did not fail: something is wrong with all of them."""

Compose = Callable[[Mapping[str, Value]], Experiment]


class StudyError(SegexpError):
    """The study's storage cannot be reached."""


class SearchSource:
    """Trials as jobs.

    A trial is asked, then its files are written, then the manifest, then it runs; at its end the manifest is written,
    then the study is told. After a kill at any point :meth:`sync` mends what is open.
    """

    def __init__(
        self,
        manifest: Manifest,
        study: "Study",
        space: Space,
        compose: Compose,
        trial: Mapping[str, Any],
        total: int,
    ) -> None:
        """Takes up a search.

        Args:
            manifest: Its jobs so far.
            study: Opened.
            space: What is searched.
            compose: Gives the experiment of values, checked.
            trial: What every job is told of the study, see :mod:`segexp.training.callbacks.pruning`.
            total: Trials of the study in all.
        """
        self._manifest, self._study, self._space = manifest, study, space
        self._compose, self._trial = compose, trial
        self._expect: Callable[[int, Experiment], None] = lambda number, experiment: None
        self._waiting = deque(entry.number for entry in manifest.of("waiting", "interrupted"))
        self._asked_all = False
        self._good = self._bad = 0
        self.total = total
        self.notes: list[str] = []
        self.refused = 0
        """Trials whose values gave no valid config, so that they never became a job."""

    def through(self, engine: JobEngine) -> "SearchSource":
        """Tells this engine of every job to come: those that wait already, and new ones as they are asked."""
        self._expect = engine.expect
        for number in self._waiting:
            self._expect(number, JobFiles(self._manifest.folder, number).read().experiment)
        return self

    def more(self) -> bool:
        """Tells whether a trial waits or may be asked."""
        return bool(self._waiting) or not self._asked_all

    def left(self) -> bool:
        """Tells whether a trial was interrupted, or the study has fewer trials than it should."""
        return self._manifest.count("waiting", "interrupted") > 0 or self.counted() < self.total

    def counted(self) -> int:
        """Trials of the study, by any worker; those that wait in its queue, or never became a job, do not count."""
        with _reaching():
            return len(counted_trials(self._study))

    def take(self, count: int) -> list[int]:
        """Trials that wait, then new ones."""
        numbers: list[int] = []
        while len(numbers) < count and self.more():
            if self._waiting:
                numbers.append(self._waiting.popleft())
            elif self.counted() >= self.total:
                self._asked_all = True
            elif (number := self._ask()) is not None:
                numbers.append(number)
        return numbers

    def _ask(self) -> int | None:
        """A new job in the manifest; None: the trial needs none."""
        with _reaching():
            trial = self._study.ask(distributions(self._space.dimensions))
            trial.set_user_attr(OWNER, str(self._manifest.folder.resolve()))
            if len(counted_trials(self._study, trial.number)) >= self.total:
                # Another worker has asked for the last one at the same moment.
                self._lose(trial)
                return None
            try:
                experiment = self._compose(trial.params)
            except ConfigError as error:
                self._refuse(trial, error)
                return None
            job = self._job(trial, experiment)
            if (twin := self._twin(job)) is not None:
                self._repeat(trial, twin)
                return None
            trial.set_user_attr(FOLDER, str(self._manifest.folder / job.folder))
        self._manifest.add(job)
        self._expect(job.number, job.experiment)
        return job.number

    def _job(self, trial: "Trial", experiment: Experiment) -> Job:
        number = max(self._manifest.entries, default=-1) + 1
        facts = {**self._trial, "number": trial.number}
        experiment = replace(experiment, invocation=replace(experiment.invocation, trial=facts))
        return Job(number, config_key(experiment), self._space.label(trial.params), experiment)

    def _twin(self, job: Job) -> Entry | None:
        """A job of the same config that has finished: run again, it would give the same, number for number."""
        return next((entry for entry in self._manifest if entry.key == job.key and entry.state == "finished"), None)

    def _repeat(self, trial: "Trial", twin: Entry) -> None:
        trial.set_user_attr(FOLDER, str(self._manifest.folder / twin.folder))
        self._study.tell(trial, best_value(self._manifest.folder / twin.folder))
        self.notes.append(f"trial {trial.number} is job {twin.number} once more ({twin.label}): its value is taken")

    def _refuse(self, trial: "Trial", error: ConfigError) -> None:
        self._study.tell(trial, state=_states()["failed"])
        self.refused += 1
        self.notes.append(f"trial {trial.number} ({self._space.label(trial.params)}) FAILED, no valid config: {error}")
        self._count("failed")

    def _lose(self, trial: "Trial") -> None:
        trial.set_user_attr(LOST, True)
        self._study.tell(trial, state=_states()["failed"])

    def ended(self, entry: Entry) -> None:
        """Tells the study; an interrupted trial stays open."""
        with _reaching():
            self._tell(entry)
        self._count(entry.state)

    def _count(self, state: str) -> None:
        self._good += state in ("finished", "pruned")
        self._bad += state == "failed"
        if self._bad >= GIVE_UP and not self._good and not self._asked_all:
            self._asked_all = True
            self.notes.append(f"{self._bad} trials have failed and none has not: no more are started")

    def _tell(self, entry: Entry) -> None:
        """Tells once: a trial that has ended in the study is left alone."""
        state = _states().get(entry.state)
        value = best_value(self._manifest.folder / entry.folder) if entry.state == "finished" else None
        if entry.state == "finished" and value is None:
            state = _states()["failed"]
        if state is not None and entry.trial is not None:
            self._study.tell(entry.trial, value, state=state, skip_if_finished=True)

    def sync(self) -> None:
        """Mends what a kill has left open; to be called when no job of this sweep runs.

        A job that has ended, but whose trial has not, is told. A trial of this sweep that never became a job is given
        up, and another one is asked in its place.

        Raises:
            StudyError: The study is not the one that the jobs are of.
        """
        entries = {entry.trial: entry for entry in self._manifest}
        with _reaching():
            if len(self._study.get_trials(deepcopy=False)) <= max((trial or 0 for trial in entries), default=-1):
                raise StudyError(
                    f"the study {self._study.study_name} lacks trials that {self._manifest.folder} has run; "
                    "was its storage moved or deleted? put it back, or start a new search"
                )
            for trial in self._study.get_trials(states=[_states()["running"]]):
                owner = trial.user_attrs.get(OWNER)
                if not self._is_ours(owner):
                    self.notes.append(f"trial {trial.number} runs, or was cut off, in {owner or 'an unknown place'}")
                elif (entry := entries.get(trial.number)) is not None:
                    self._tell(entry)
                else:
                    import optuna

                    self._lose(optuna.Trial(self._study, trial._trial_id))

    def _is_ours(self, owner: str | None) -> bool:
        """A study in the folder itself is of this sweep alone, also when the folder was moved."""
        return self._trial["storage"] is None or owner == str(self._manifest.folder.resolve())


def best_value(run: Path) -> float | None:
    """The value of ``monitor`` that chose the checkpoint of a run: of validation images, never of test images."""
    try:
        content = read_json(run / "results.json")
        return float(content["checkpoint"]["value"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _states() -> dict[str, Any]:
    """Optuna's states of a trial by the states of a job."""
    from optuna.trial import TrialState

    return {
        "running": TrialState.RUNNING,
        "finished": TrialState.COMPLETE,
        "pruned": TrialState.PRUNED,
        "failed": TrialState.FAIL,
    }


@contextmanager
def _reaching() -> Iterator[None]:
    """Turns what a storage that is gone raises into one line.

    Raises:
        StudyError: The storage cannot be reached.
    """
    from optuna.exceptions import StorageInternalError

    try:
        yield
    except StorageInternalError as error:
        reason = str(error.__cause__ or error).splitlines()[0]
        raise StudyError(f"sweep.storage: the study cannot be reached: {reason}; jobs keep their last epoch") from error
