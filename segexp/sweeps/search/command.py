"""A search from the command line: new, gone on with, or joined."""

import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.overrides.quoting import command_line
from segexp.config.schema import SearchConfig, SweepConfig
from segexp.config.stored.trust import without_trust
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.runs.folder import RunFolder
from segexp.runs.manifest_files import MANIFEST
from segexp.sweeps.cluster_resources import refuse_too_little
from segexp.sweeps.display import Display
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.foreign import check_folder, check_jobs, split_off_folders
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.lock import SweepLock
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import Job, Plan, multirun_folder
from segexp.sweeps.search.arguments import SEARCH_KEYS, experiment_words, resumed_search, resumed_words, without_flags
from segexp.sweeps.search.dimensions import Value
from segexp.sweeps.search.facts import keep_or_compare, refuse_incomparable
from segexp.sweeps.search.job_source import SearchSource
from segexp.sweeps.search.space import EXAMPLE, Space, read_space
from segexp.sweeps.search.study import open_study, require_optuna
from segexp.sweeps.search.trials import report_trials
from segexp.sweeps.start import run_jobs, show_table, told_when_interrupted
from segexp.system.optuna_storage import storage_url
from segexp.system.posix import require_posix
from segexp.version import VERSION

if TYPE_CHECKING:
    from optuna import Study

ComposeWords = Callable[[list[str]], tuple[Any, Invocation]]
"""Composes the words of one job; the config is not checked yet."""


class SearchCommand:
    """One command that searches."""

    def __init__(self, argv: Sequence[str], extra: Sequence[str], compose: ComposeWords) -> None:
        """Takes the words of the command.

        Args:
            argv: All of them.
            extra: Folders given with ``--config-dir``.
            compose: Lets Hydra compose.
        """
        self._argv = argv
        self._extra = extra
        self._compose = compose

    def run(self) -> int:
        """Searches; gives the exit code.

        Raises:
            ConfigError: A word or a config is wrong; nothing was written.
            MissingExtraError: Optuna is not installed.
        """
        require_posix("sweep=optuna", "give each key one value")
        require_optuna()
        folder = resumed_search(self._argv)
        earlier = [] if folder is None else Manifest.read(folder).facts["search"]["words"]
        if not any(word.startswith("sweep.engine=") for word in [*earlier, *self._argv]):
            LocalJobEngine.start_ahead()
        try:
            return self._new() if folder is None else self._go_on(folder)
        finally:
            LocalJobEngine.stop_ahead()

    def _new(self) -> int:
        arguments = without_flags(self._argv)
        space, corners = self._corners(arguments)
        section = corners[0].experiment.sweep
        multirun = multirun_folder(corners)
        named = section.study if section.storage is None else None
        if named is not None and (multirun / named / MANIFEST).is_file():
            return self._go_on(multirun / named)
        if section.storage is not None and section.study is not None:
            # What does not fit a study that others work on is found before there is a folder.
            _open_study(section.study, Path(), space, corners)
        folder = RunFolder.create(multirun).path if named is None else _named_folder(multirun, named)
        lock = SweepLock(folder)
        try:
            name = section.study or folder.name
            study = _open_study(name, folder, space, corners)
            manifest = Manifest.create(folder, [], self._facts(arguments, section, name))
            with told_when_interrupted(manifest):
                return self._search(manifest, study, space, corners, lock)
        finally:
            lock.release()

    def _go_on(self, folder: Path) -> int:
        manifest = Manifest.read(folder)
        check_folder(manifest, self._argv)
        arguments = resumed_words(manifest, without_flags(self._argv))
        self._extra = split_off_folders(arguments)[1]
        space, corners = self._corners(arguments)
        lock = SweepLock(folder)
        try:
            manifest = Manifest.read(folder)
            section = corners[0].experiment.sweep
            search_facts = manifest.facts["search"]
            study = _open_study(search_facts["name"], folder, space, corners)
            search_facts["section"] = _kept(section)
            with told_when_interrupted(manifest):
                return self._search(manifest, study, space, corners, lock)
        finally:
            lock.release()

    def _corners(self, arguments: Sequence[str]) -> tuple[Space, list[Job]]:
        """Space and corner configs, all checked before anything is written."""
        space = read_space(arguments, self._extra)
        if not space.ranges:
            raise ConfigError(f"sweep=optuna: found nothing to search; give ranges, such as {EXAMPLE}")
        plan = Plan()
        for values in space.corners():
            config, invocation = self._compose(space.line(values))
            plan.add(partial(checked_train, config, invocation), invocation)
        corners = plan.jobs()
        first = corners[0].experiment
        refuse_incomparable(space, first.monitor)
        _refuse_all_at_once(first.sweep)
        refuse_too_little(first.sweep, [corner.experiment.trainer for corner in corners])
        return space, corners

    def _facts(self, arguments: Sequence[str], section: SearchConfig, name: str) -> dict[str, Any]:
        return {
            "version": 1,
            "segexp": VERSION,
            "command": command_line(["train", *self._argv]),
            "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "search": {"name": name, "words": without_trust(arguments), "section": _kept(section)},
        }

    def _search(self, manifest: Manifest, study: "Study", space: Space, corners: Sequence[Job], lock: SweepLock) -> int:
        """Runs what is left of a search."""
        first = corners[0].experiment
        section, monitor = first.sweep, first.monitor
        display = Display(manifest)
        manifest.again = [word for folder in self._extra for word in ("--config-dir", folder)]
        notes = manifest.reconcile()
        waiting = manifest.of("waiting", "interrupted")
        check_jobs([JobFiles(manifest.folder, entry.number) for entry in waiting], self._argv)
        trials = section.trials or 0
        trial_facts = {"storage": section.storage, **_pruner(corners), "study": study.study_name}
        search = SearchSource(manifest, study, space, self._compose_trial(space), trial_facts, trials)
        search.sync()
        _announce(display, manifest, study, search, first)
        for note in [*notes, *search.notes]:
            display.say(f"note: {note}")
        search.notes.clear()
        code = 0
        if search.left():
            samples = {-1 - number: corner.experiment for number, corner in enumerate(corners)}
            code = run_jobs(manifest, section, samples, lock, display, search.through, trials)
        elif manifest.count("failed"):
            code = 1
        # First trials.csv, which the page of the sweep reads.
        lines = report_trials(study, space, manifest, monitor)
        show_table(manifest, display)
        display.say("\n".join(["", *lines]))
        return code or int(search.refused > 0)

    def _compose_trial(self, space: Space) -> Callable[[Mapping[str, Value]], Experiment]:
        def compose(values: Mapping[str, Value]) -> Experiment:
            config, invocation = self._compose(space.line(values))
            plain = checked_train(config).plain()
            # The job itself searches nothing, and a run that starts from its config shall not either.
            plain["sweep"] = {key: value for key, value in plain["sweep"].items() if key not in SEARCH_KEYS}
            own = tuple(experiment_words(invocation.overrides))
            return Experiment.from_plain(plain, Invocation(invocation.command, own, invocation.choices))

        return compose


def _open_study(name: str, folder: Path, space: Space, corners: Sequence[Job]) -> "Study":
    """The study of a search, which must be one of the same search."""
    first = corners[0].experiment
    section = first.sweep
    study = open_study(name, storage_url(section.storage, folder), first.direction, section, _pruner(corners))
    keep_or_compare(study, space, [corner.experiment for corner in corners])
    return study


def _pruner(corners: Sequence[Job]) -> dict[str, Any]:
    """The settings of the pruner, which every trial is told, see :func:`segexp.system.optuna_storage.make_pruner`."""
    section = corners[0].experiment.sweep
    epochs = max(corner.experiment.fitting.max_epochs or -1 for corner in corners)
    if epochs < 0 and section.pruner == "hyperband":
        raise ConfigError(
            "sweep.pruner: found hyperband, which divides epochs, with trainer.max_epochs=-1; give a number of epochs, "
            "or sweep.pruner=median"
        )
    return {"pruner": section.pruner, "startup": section.startup, "warmup": section.warmup, "epochs": epochs}


def _refuse_all_at_once(section: SweepConfig) -> None:
    if section.engine != "local" and section.jobs == "auto":
        raise ConfigError(
            f"sweep.jobs: found auto with sweep.engine={section.engine}; give the number of trials at a time, "
            "for example sweep.jobs=4: a search learns only from trials that have ended"
        )


def _named_folder(multirun: Path, name: str) -> Path:
    folder = multirun / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kept(section: SearchConfig) -> dict[str, Any]:
    """Gives the keys of the sweep's section that a search keeps when it goes on."""
    return {key: getattr(section, key) for key in SEARCH_KEYS}


def _announce(display: Display, manifest: Manifest, study: "Study", search: SearchSource, first: Experiment) -> None:
    display.say(f"sweep folder  {manifest.folder}")
    display.say(f"searches      {first.monitor}, {'highest' if first.direction == 'max' else 'lowest'} is best")
    display.say(f"study         {study.study_name}, {search.counted()} of {search.total} trials so far")
