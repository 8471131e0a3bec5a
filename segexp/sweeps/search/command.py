"""A search from the command line: new, gone on with, or joined."""

import shlex
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segexp.config.checked import checked_train
from segexp.config.measure_names import direction
from segexp.config.quoting import as_typed
from segexp.config.trust import without_trust
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.runs.folder import RunFolder
from segexp.sweeps.cluster_resources import refuse_too_little
from segexp.sweeps.display import Display
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.foreign import check_folder, check_jobs, split_off_folders
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.lock import SweepLock
from segexp.sweeps.manifest import MANIFEST, Manifest
from segexp.sweeps.plan import Config, Job, Plan, multirun_folder
from segexp.sweeps.search.arguments import SEARCH_KEYS, experiment_words, resumed_search, resumed_words, without_flags
from segexp.sweeps.search.dimensions import Value
from segexp.sweeps.search.facts import keep_or_compare, refuse_incomparable
from segexp.sweeps.search.job_source import SearchSource
from segexp.sweeps.search.space import EXAMPLE, Space, read_space
from segexp.sweeps.search.study import open_study, require_optuna
from segexp.sweeps.search.trials import report_trials
from segexp.sweeps.start import run_jobs, show_table
from segexp.system.optuna_storage import storage_url
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
        words = without_flags(self._argv)
        space, corners = self._corners(words)
        section = corners[0].config["sweep"]
        multirun = multirun_folder(corners)
        named = section["study"] is not None and section["storage"] is None
        if named and (multirun / section["study"] / MANIFEST).is_file():
            return self._go_on(multirun / section["study"])
        if section["storage"] is not None and section["study"] is not None:
            # What does not fit a study that others work on is found before there is a folder.
            self._study(section, section["study"], Path(), space, corners)
        folder = _named_folder(multirun, section["study"]) if named else RunFolder.create(multirun).path
        lock = SweepLock(folder)
        try:
            name = section["study"] or folder.name
            study = self._study(section, name, folder, space, corners)
            manifest = Manifest.create(folder, [], self._facts(words, section, name))
            return self._search(manifest, study, space, corners, lock)
        finally:
            lock.release()

    def _go_on(self, folder: Path) -> int:
        manifest = Manifest.read(folder)
        check_folder(manifest, self._argv)
        words = resumed_words(manifest, without_flags(self._argv))
        self._extra = split_off_folders(words)[1]
        space, corners = self._corners(words)
        lock = SweepLock(folder)
        try:
            manifest = Manifest.read(folder)
            section = corners[0].config["sweep"]
            told = manifest.facts["search"]
            study = self._study(section, told["name"], folder, space, corners)
            told["section"] = _kept(section)
            return self._search(manifest, study, space, corners, lock)
        finally:
            lock.release()

    def _corners(self, words: Sequence[str]) -> tuple[Space, list[Job]]:
        """Space and corner configs, all checked before anything is written."""
        space = read_space(words, self._extra)
        if not space.ranges:
            raise ConfigError(f"sweep=optuna: found nothing to search; give ranges, such as {EXAMPLE}")
        plan = Plan()
        for values in space.corners():
            config, invocation = self._compose(space.line(values))
            plan.add(partial(checked_train, config, command=invocation.command), invocation)
        corners = plan.jobs()
        refuse_incomparable(space, corners[0].config)
        _refuse_all_at_once(corners[0].config["sweep"])
        refuse_too_little(corners[0].config["sweep"], [corner.config for corner in corners])
        return space, corners

    def _study(self, section: Config, name: str, folder: Path, space: Space, corners: Sequence[Job]) -> "Study":
        best = direction(corners[0].config["monitor"])
        study = open_study(name, storage_url(section["storage"], folder), best, _settings(section, corners))
        keep_or_compare(study, space, [corner.config for corner in corners])
        return study

    def _facts(self, words: Sequence[str], section: Config, name: str) -> dict[str, Any]:
        return {
            "version": 1,
            "segexp": VERSION,
            "command": shlex.join(["segexp", "train", *as_typed(self._argv)]),
            "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
            "search": {"name": name, "words": without_trust(words), "section": _kept(section)},
        }

    def _search(self, manifest: Manifest, study: "Study", space: Space, corners: Sequence[Job], lock: SweepLock) -> int:
        """Runs what is left of a search."""
        section, monitor = corners[0].config["sweep"], corners[0].config["monitor"]
        display = Display(manifest)
        manifest.again = [word for folder in self._extra for word in ("--config-dir", folder)]
        notes = manifest.reconcile()
        waiting = manifest.of("waiting", "interrupted")
        check_jobs([JobFiles(manifest.folder, entry.number) for entry in waiting], self._argv)
        settings = _settings(section, corners)
        told = {key: settings[key] for key in ("storage", "pruner", "startup", "warmup", "epochs")}
        search = SearchSource(
            manifest, study, space, self._job_config(space), {**told, "study": study.study_name}, section["trials"]
        )
        search.sync()
        _announce(display, manifest, study, search, monitor)
        for note in [*notes, *search.notes]:
            display.say(f"note: {note}")
        search.notes.clear()
        code = 0
        if search.left():
            configs = {-1 - number: corner.config for number, corner in enumerate(corners)}
            code = run_jobs(manifest, section, configs, lock, display, search.through, section["trials"])
        elif manifest.of("failed"):
            code = 1
        # First trials.csv, which the page of the sweep reads.
        lines = report_trials(study, space, manifest, monitor)
        show_table(manifest, display)
        display.say("\n".join(["", *lines]))
        return code or int(search.refused > 0)

    def _job_config(self, space: Space) -> Callable[[Mapping[str, Value]], tuple[Config, Invocation]]:
        def compose(values: Mapping[str, Value]) -> tuple[Config, Invocation]:
            found, invocation = self._compose(space.line(values))
            config = checked_train(found)
            # The job itself searches nothing, and a run that starts from its config shall not either.
            config["sweep"] = {key: value for key, value in config["sweep"].items() if key not in SEARCH_KEYS}
            own = tuple(experiment_words(invocation.overrides))
            return config, Invocation(invocation.command, own, invocation.choices)

        return compose


def _refuse_all_at_once(section: Config) -> None:
    if section["engine"] != "local" and section["jobs"] == "auto":
        raise ConfigError(
            f"sweep.jobs: found auto with sweep.engine={section['engine']}; give the number of trials at a time, "
            "for example sweep.jobs=4: a search learns only from trials that have ended"
        )


def _named_folder(multirun: Path, name: str) -> Path:
    folder = multirun / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _kept(section: Config) -> Config:
    """Gives the keys of the sweep's section that a search keeps when it goes on."""
    return {key: section[key] for key in SEARCH_KEYS}


def _settings(section: Config, corners: Sequence[Job]) -> Config:
    return {**section, "epochs": max(corner.config["trainer"]["max_epochs"] for corner in corners)}


def _announce(display: Display, manifest: Manifest, study: "Study", search: SearchSource, monitor: str) -> None:
    display.say(f"sweep folder  {manifest.folder}")
    display.say(f"searches      {monitor}, {'highest' if direction(monitor) == 'max' else 'lowest'} is best")
    display.say(f"study         {study.study_name}, {search.counted()} of {search.total} trials so far")
