"""How a training ends that does not finish: what is recorded, what is said, and how to go on."""

import contextlib
from collections.abc import Mapping

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping, Timer
from lightning.pytorch.utilities.exceptions import SIGTERMException

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.data.sampling.worker_errors import killed_worker
from segexp.errors import Interrupted, Pruned, SegexpError
from segexp.evaluation.afterwards import Afterwards, end
from segexp.evaluation.run_page import write_page
from segexp.report.run_page.page import REPORT
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.runs.record import RunRecord
from segexp.system.signals import exit_code, is_stopping, name_of_stop
from segexp.training.callbacks.stopping import Clock
from segexp.training.callbacks.within_epoch import position
from segexp.training.distributed import process_group as group
from segexp.training.resuming.source import how_to_go_on, in_place


def ended(error: BaseException, folder: RunFolder, record: RunRecord, after: Afterwards) -> BaseException:
    """Records how a run ended otherwise; gives what is to be raised."""
    if was_stopped(error):
        name = name_of_stop(group.interrupted())
        LOG.warning("interrupted" if name == "SIGINT" else f"interrupted by {name}")
        # With all figures on the disk there is nothing to go on with: only pictures are missing.
        end(record, "finished" if after.complete else "interrupted", after, signal=name)
        write_page(folder.path)
        return Interrupted(after.summary() if after.complete else how_to_go_on(folder.path), exit_code())
    if isinstance(error, Pruned):
        LOG.info(str(error))
        end(record, "pruned", after, ended_by=str(error))
        write_page(folder.path)
        return error
    shown = killed_worker(error) or group.reason(error)
    LOG.error(f"the run failed: {type(shown).__name__}: {shown}")
    with contextlib.suppress(OSError):  # on a full disk run.json cannot say so
        end(record, "failed", after, error=f"{type(shown).__name__}: {shown}")
    if after.tests and not after.complete and (folder.checkpoints / "best.ckpt").is_file():
        LOG.info(f"the best weights so far are kept; to test them: {after.again}")
    now = folder.now()
    if now == folder.path and (now / REPORT).is_file():  # that of a training would refresh itself for ever
        write_page(now)
    if not after.complete and now is not None and (message := still_valid(RunFolder(now))):
        LOG.info(message)
    return shown


def finished(folder: RunFolder, record: RunRecord, after: Afterwards) -> str:
    """Records that a run is finished, and writes its page.

    Returns:
        Where the page lies.

    Raises:
        Interrupted: A signal came meanwhile; the page alone is missing.
    """
    end(record, "finished", after)
    if folder.now() != folder.path:
        return "none: the run folder is gone"
    try:
        return write_page(folder.path)
    except KeyboardInterrupt as error:
        raise Interrupted(after.summary(), exit_code()) from error


def trained_epochs(trainer: pl.Trainer) -> int:
    """Epochs with steps; one more may only have taken the running statistics of averaged weights."""
    planned = trainer.max_epochs
    return min(trainer.current_epoch, planned) if planned is not None and planned > 0 else trainer.current_epoch


def why_it_ended(trainer: pl.Trainer, callbacks: Mapping[str, Callback]) -> str:
    """Reason for which training ended, for run.json; said on the terminal where it is not a planned end.

    Args:
        trainer: That has trained.
        callbacks: Of the config, by name.
    """
    if 0 < trainer.max_steps <= trainer.global_step:
        return "trainer.max_steps"
    if 0 < (trainer.max_epochs or 0) <= trainer.current_epoch:
        return "trainer.max_epochs"
    stopping = next((name for name, callback in callbacks.items() if _has_ended(callback)), None)
    clock = next((found for found in trainer.callbacks if isinstance(found, Clock)), None)  # type: ignore[attr-defined] # Trainer sets it
    late = clock is not None and (clock.time_remaining() or 0) <= 0
    why = f"callbacks.{stopping}" if stopping is not None else "trainer.max_time" if late else "a callback"
    LOG.info(f"training ended after epoch {trainer.current_epoch} by {why}")
    return why


def _has_ended(callback: Callback) -> bool:
    """Whether a callback has ended the training, by a measure or by its own clock."""
    if isinstance(callback, EarlyStopping):
        return callback.stopped_epoch > 0
    left = callback.time_remaining() if isinstance(callback, Timer) else None
    return left is not None and left <= 0


def was_stopped(error: BaseException) -> bool:
    """Tells Ctrl-C, or the exit that Lightning makes of it or of SIGTERM (timeout, a scheduler), on any rank.

    A signal to the whole process group ends the loading processes, too, whose loss hides it.
    """
    consequence = is_stopping() and not isinstance(error, SegexpError)
    by_lightning = isinstance(error, SystemExit) and isinstance(error.__context__, KeyboardInterrupt)
    return (
        isinstance(error, KeyboardInterrupt | SIGTERMException)
        or by_lightning
        or consequence
        or bool(group.interrupted())
    )


def still_valid(folder: RunFolder) -> str:
    """Says what of a failed run can be gone on with, and how; empty where no epoch was finished."""
    last = folder.checkpoints / "last.ckpt"
    if not last.is_file():
        return ""
    try:
        epochs, batch = position(torch.load(last, map_location="cpu", weights_only=True, mmap=True))
        line = in_place(folder.path)
    except Exception:  # without memory or open files it cannot be read now
        again = command_line([hydra_override("resume", str(folder.path))])
        return f"the finished epochs are kept in {last}; to go on after them: {again}"
    more = f" and {batch} batches of the next" if batch else ""
    return f"the first {epochs} epochs{more} are kept in {last}; to go on after them: {line}"
