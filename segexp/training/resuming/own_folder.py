"""The run folder of a training, which belongs to its process alone: made anew, or the run goes on in it."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import reduce
from operator import getitem
from pathlib import Path
from shutil import rmtree
from typing import Any

from segexp.config.experiment import Experiment
from segexp.config.harmless import HARMLESS
from segexp.config.overrides.from_argument import TAKE_OVER
from segexp.config.overrides.quoting import command_line
from segexp.errors import Interrupted
from segexp.invocation import Invocation
from segexp.runs.attempts import INTERRUPTED, RUNNING, record_of, remove_partial
from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_yaml
from segexp.runs.lock import ANY, LOCK, BusyError, FolderLock, Owner, owner_of
from segexp.runs.paths import refuse_links
from segexp.runs.record import end_from_outside
from segexp.system.signals import exit_code
from segexp.training.resuming.source import how_to_go_on

CONFIG = "config.yaml"


def run_parent(experiment: Experiment) -> Path:
    """Folder in which the run folder is made."""
    folder = experiment.invocation.folder
    return folder.parent if folder is not None else Path(experiment.output_dir) / experiment.run_name


@contextmanager
def own_run_folder(experiment: Experiment) -> Iterator[RunFolder]:
    """The run folder with its config.yaml, which belongs to this process in this context.

    Raises:
        BusyError: The run goes on in its folder, which belongs to another process.
        Interrupted: A signal came.
        StoredError: It holds a link to a place elsewhere.
    """
    invocation = experiment.invocation
    if invocation.folder is None:
        folder = RunFolder.create(run_parent(experiment))
    else:
        invocation.folder.mkdir(parents=True, exist_ok=invocation.goes_on)
        folder = RunFolder(invocation.folder)
    if invocation.goes_on:
        refuse_links(folder.path)
    # A sweep knows what has become of the processes of its jobs.
    over = ANY if invocation.sweep_dir is not None else invocation.take_over
    try:
        lock = FolderLock(folder.path, over=over, says=lambda owner: busy(invocation, owner))
    except OSError as error:
        error.filename = error.filename or str(folder.path / LOCK)  # of a disk that is full the system names nothing
        if invocation.folder is None:
            rmtree(folder.path, ignore_errors=True)  # just made, for this run; it holds nothing
        raise
    try:
        if invocation.goes_on:
            remove_partial(folder.path)
        _write_config(folder, experiment)
        folder.watch(lock)
        try:
            yield folder
        except KeyboardInterrupt as error:
            # Between two things that record how they end.
            if lock.taken_by() is None:
                end_from_outside(folder.path, INTERRUPTED, None)
                _replace_live_page(folder.path)
            raise Interrupted(how_to_go_on(folder.path), exit_code()) from error
    finally:
        lock.release(remove=True, named=_says_running(folder.path))
        with suppress(OSError):
            folder.path.rmdir()  # where not even its config could be written; one that holds anything stays


def _replace_live_page(folder: Path) -> None:
    """That of a training would refresh itself for ever."""
    # Not before: who refuses an owned run imports no pages.
    from segexp.evaluation.run_page import write_page
    from segexp.report.run_page.page import REPORT, refreshes

    if refreshes(folder / REPORT):
        write_page(folder)


def _says_running(folder: Path) -> bool:
    """Whether run.json could not be told the end, as on a full disk; without memory that cannot be found out."""
    try:
        return record_of(folder).get("state") == RUNNING
    except MemoryError:
        return True


def _write_config(folder: RunFolder, experiment: Experiment) -> None:
    """Writes config.yaml; of a run that goes on the keys alone that may have been changed."""
    path = folder.path / CONFIG
    if not path.is_file():
        folder.write_yaml(CONFIG, replace(experiment, name=experiment.run_name).recorded())
    elif experiment.invocation.sweep_dir is None and (changed := _harmless(path, experiment)):
        stored = read_yaml(path)
        for key, value in changed.items():
            *blocks, name = key.split(".")
            reduce(getitem, blocks, stored)[name] = value
        folder.write_yaml(CONFIG, stored)


def _harmless(path: Path, experiment: Experiment) -> dict[str, Any]:
    """Keys and blocks of the stored config that are otherwise now."""
    before, now = read_yaml(path), experiment.plain()
    pairs = {key: (_at(before, key), _at(now, key)) for key in HARMLESS}
    return {key: new for key, (old, new) in pairs.items() if _ABSENT not in (old, new) and old != new}


_ABSENT = object()


def _at(tree: Any, key: str) -> Any:
    """The value of a dotted key."""
    for name in key.split("."):
        if not isinstance(tree, dict) or name not in tree:
            return _ABSENT
        tree = tree[name]
    return tree


def refuse_owned(invocation: Invocation) -> None:
    """Refuses a run that another process owns, before anything is imported or read for it.

    Raises:
        BusyError: It is running, or on a machine that cannot be asked.
    """
    owner = owner_of(invocation.folder) if invocation.folder is not None and invocation.goes_on else None
    alone = invocation.sweep_dir is None and owner is not None and owner.key != invocation.take_over
    if owner is not None and alone and owner.pid and owner.state() != "gone":
        raise BusyError(busy(invocation, owner))


def busy(invocation: Invocation, owner: Owner) -> str:
    """Says whose a run folder is, and the line that takes it all the same."""
    if not owner.pid:
        # Its key names nobody, and would take the folder from anybody.
        return f"resume: {invocation.folder} is in use by another process: wait until it has ended, or end it"
    again = command_line([*invocation.command[2:], f"{TAKE_OVER}{owner.key}"])
    what = {
        "running": f"is in use by {owner}: wait until it has ended, or end it (kill {owner.pid})",
        "unknown": f"belongs to {owner}, which cannot be asked from here: look there whether it still runs",
        "gone": f"belonged to {owner}; processes that it has left still hold the folder: end them",
    }[owner.state()]
    return f"resume: {invocation.folder} {what}; to take it over all the same: {again}"
