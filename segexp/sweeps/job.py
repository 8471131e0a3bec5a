"""One job of a sweep inside a process of its own, whoever started it: the fork server, a cluster, a test."""

import shutil
import sys
import traceback
from dataclasses import replace
from pathlib import Path

from segexp.errors import Pruned, SegexpError
from segexp.runs.attempts import remove_partial
from segexp.runs.files import sync, sync_tree
from segexp.runs.json_yaml import read_json
from segexp.sweeps.layout import JobFiles
from segexp.system.causes import resource_error
from segexp.training.commands import run_training

INTERRUPTED = 130


def run_job(sweep: Path, number: int) -> int:
    """Runs a job, from its last checkpoint where it was interrupted, and writes down how it ended.

    Args:
        sweep: Folder of the sweep.
        number: The job.

    Returns:
        Exit code: 0, 130 after Ctrl-C, 2 for the user's mistake, else 1.
    """
    place = JobFiles(sweep, number)
    try:
        job = place.read()
        folder = sweep / job.folder
        last = _last_checkpoint(folder, place)
        place.forget_outcome()
        experiment = job.experiment if last is None else replace(job.experiment, resume=str(last))
        run_training(replace(experiment, invocation=replace(experiment.invocation, goes_on=last is not None)))
        sync_tree(folder)
    except Pruned:
        sync_tree(folder)
        place.write_outcome("pruned")
        return 0
    except BaseException as error:
        code = _exit_code(error)
        if code == INTERRUPTED and _has_finished(sweep / place.read().folder):
            # Broken off when only pictures were missing: there is nothing to go on with.
            place.write_outcome("finished")
            return code
        return _ended_badly(place, error, code)
    place.write_outcome("finished")
    return 0


def _has_finished(folder: Path) -> bool:
    try:
        content = read_json(folder / "run.json")
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and content.get("state") == "finished"


def _last_checkpoint(folder: Path, place: JobFiles) -> Path | None:
    """Gives the checkpoint to go on from; None: from the start, in a clean folder.

    A failed job starts anew: what it has learned may be what made it fail. Until its old folder is out of the way, the
    outcome still says that it failed, so that a kill in between changes nothing.
    """
    last = folder / "checkpoints" / "last.ckpt"
    outcome = place.outcome()
    failed = outcome is not None and outcome[0] == "failed"
    if last.is_file() and not failed:
        remove_partial(folder)
        return last
    if folder.exists():
        _put_away(folder, place.path, keep=failed)
    return None


def _put_away(folder: Path, to: Path, *, keep: bool) -> None:
    """Moves an earlier attempt out of the way in one step; only one that failed may be worth a look."""
    number = 1 + sum(1 for _ in to.glob(".attempt_*"))
    target = to / f".attempt_{number}"
    folder.rename(target)
    sync(folder.parent)
    if not keep:
        shutil.rmtree(target)


def _ended_badly(place: JobFiles, error: BaseException, code: int) -> int:
    if code == INTERRUPTED:
        place.write_outcome("interrupted")
        return code
    if (refused := resource_error(error, "", place.path)) is not None and not isinstance(error, SegexpError):
        error = refused
    text = f"{type(error).__name__}: {error}"
    if isinstance(error, SegexpError):
        print(f"segexp: {error}", file=sys.stderr)  # noqa: T201 - into the log of the job
    else:
        traceback.print_exception(error)
    place.write_failure(text, code, traceback.format_exception(error))
    place.write_outcome("failed", text)
    return code


def _exit_code(error: BaseException) -> int:
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    return error.exit_code if isinstance(error, SegexpError) else 1
