"""A sweep from the command line: new, or gone on with."""

import re
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from segexp.config.composed import checked_train
from segexp.config.overrides.quoting import command_line
from segexp.config.schema import SweepConfig
from segexp.config.sections import structured
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.runs.folder import RunFolder
from segexp.sweeps.cluster_resources import refuse_too_little
from segexp.sweeps.difference import refuse_other_grid
from segexp.sweeps.display import Display
from segexp.sweeps.engines.local import LocalJobEngine
from segexp.sweeps.foreign import check_folder, check_jobs, only_confirms
from segexp.sweeps.job_source import GridSource
from segexp.sweeps.layout import JobFiles
from segexp.sweeps.lock import SweepLock
from segexp.sweeps.manifest import Manifest
from segexp.sweeps.plan import Plan, multirun_folder
from segexp.sweeps.start import run_jobs, show_table, told_when_interrupted
from segexp.system.posix import require_posix
from segexp.training.distributed.plan import started
from segexp.version import VERSION

RESUME = "sweep.resume="
FLAGS = ("-m", "--multirun")
ASKING = ("--cfg", "-c", "--info", "-i", "--hydra-help", "--shell-completion", "-sc")
"""Flags with which Hydra answers and runs nothing."""


def asks_for_sweep(argv: Sequence[str]) -> bool:
    """Tells whether a command line of train asks for a sweep."""
    flags = {argument.split("=", 1)[0] for argument in argv}
    resumes = any(argument.startswith(RESUME) and argument != f"{RESUME}null" for argument in argv)
    return bool(flags & set(FLAGS) or resumes) and not flags & set(ASKING)


class Sweep:
    """Gathers jobs while Hydra composes them, then runs them all."""

    def __init__(self, argv: Sequence[str]) -> None:
        if started() is not None:
            raise ConfigError("-m: a sweep starts the processes of its jobs itself; start it without torchrun or srun")
        require_posix("-m", "give each key one value, and train the jobs one after the other")
        self._argv = argv
        self._plan = Plan()

    def __enter__(self) -> "Sweep":
        if not any(argument.startswith("sweep.engine=") for argument in self._argv):
            LocalJobEngine.start_ahead()
        return self

    def __exit__(self, *error: object) -> None:
        LocalJobEngine.stop_ahead()

    def add(self, config: Any, invocation: Invocation) -> None:
        """Takes one composed job."""
        self._plan.add(lambda: checked_train(config, invocation), invocation)

    def run(self) -> int:
        """Runs all jobs; gives the exit code.

        Raises:
            ConfigError: A config is wrong, or the grid is not that of the folder to go on with; nothing was written.
        """
        jobs = self._plan.jobs()
        section = jobs[0].experiment.sweep
        if section.resume is None:
            refuse_too_little(section, [job.experiment.trainer for job in jobs])
            folder = RunFolder.create(multirun_folder(jobs)).path
            manifest = Manifest.create(folder, jobs, self._facts())
        else:
            folder = Path(section.resume)
            manifest = Manifest.read(folder)
            check_folder(manifest, self._argv)
            # With nothing but sweep.resume= the jobs are those of the folder.
            if any(job.experiment.invocation.overrides for job in jobs) and not only_confirms(manifest, jobs):
                refuse_other_grid(manifest, jobs)
            section = resumed_section(folder, section, self._argv)
        lock = SweepLock(folder)
        try:
            manifest = Manifest.read(folder)
            with told_when_interrupted(manifest):
                return _run(manifest, section, lock, self._argv)
        finally:
            lock.release()

    def _facts(self) -> dict[str, Any]:
        return {
            "version": 1,
            "segexp": VERSION,
            "command": command_line(["train", *self._argv]),
            "created": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        }


def _run(manifest: Manifest, section: SweepConfig, lock: SweepLock, argv: Sequence[str]) -> int:
    """Runs what is left of a sweep."""
    display = Display(manifest)
    for note in manifest.reconcile():
        display.say(f"note: {note}")
    places = {entry.number: JobFiles(manifest.folder, entry.number) for entry in manifest if entry.state != "finished"}
    if section.resume is not None:
        check_jobs(places.values(), argv)
    experiments = {number: place.read().experiment for number, place in places.items()}
    _announce(manifest, display)
    code = 0
    if experiments:
        # Of a sweep that goes on, whose keys may be new.
        refuse_too_little(section, [experiment.trainer for experiment in experiments.values()])
        code = run_jobs(manifest, section, experiments, lock, display, lambda engine: GridSource(manifest))
    show_table(manifest, display)
    return code


def resumed_section(folder: Path, section: SweepConfig, argv: Sequence[str]) -> SweepConfig:
    """The keys ``sweep`` of a sweep that goes on: those it was started with, and those given now."""
    if any(argument.startswith("sweep=") for argument in argv):
        return section
    now = asdict(section)
    # Sweeps of earlier versions lack some keys.
    kept = {**now, **JobFiles(folder, 0).read().experiment.value("sweep")}
    for key in ("resume", *(found[1] for word in argv if (found := re.match(r"\+*sweep\.([\w.]+)=", word)))):
        _copy(key.split("."), now, kept)
    return structured(SweepConfig, kept)


def _copy(path: list[str], source: dict[str, Any], target: dict[str, Any]) -> None:
    for name in path[:-1]:
        target[name] = dict(target.get(name) or {})
        source, target = source[name], target[name]
    target[path[-1]] = source[path[-1]]


def _announce(manifest: Manifest, display: Display) -> None:
    display.say(f"sweep folder  {manifest.folder}")
    if (done := manifest.count("finished")) or manifest.count("failed", "interrupted"):
        display.say(
            f"so far        {done} of {len(manifest.entries)} finished, {manifest.count('interrupted')} interrupted, "
            f"{manifest.count('failed')} failed, {manifest.count('waiting')} not started"
        )
