"""What is said where a step ran out of memory: which keys to lower, with values that would fit by the estimate."""

import errno

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback

from segexp.data.sampling.worker_errors import killed_worker
from segexp.errors import ResourceError, SegexpError
from segexp.system.causes import cause_of
from segexp.system.free_memory import gib
from segexp.training.estimate.run import RunEstimate


class StepOutOfMemoryError(ResourceError):
    """A step of training or validation did not fit into the memory."""


class FailedStage(Callback):
    """Remembers in which part of a training an error came up.

    Attributes:
        name: ``training`` or ``validation``.
    """

    def __init__(self) -> None:
        self.name = "training"

    def on_exception(self, trainer: pl.Trainer, pl_module: pl.LightningModule, exception: BaseException) -> None:
        """Asks the trainer, which forgets it afterwards."""
        self.name = "validation" if trainer.validating or trainer.sanity_checking else "training"


def is_out_of_memory(error: BaseException) -> bool:
    """Returns whether an error is of a device, or of the processor, whose memory is used up."""
    if isinstance(error, SegexpError) or killed_worker(error) is not None:
        return False
    cause = cause_of(error)
    return isinstance(error, torch.OutOfMemoryError) or (cause is not None and cause.number == errno.ENOMEM)


def step_out_of_memory(error: BaseException, stage: str, takes: RunEstimate) -> StepOutOfMemoryError | None:
    """Makes one line of it; None: the error is of another kind.

    Args:
        error: That came up.
        stage: ``training`` or ``validation``.
        takes: What the run was to take.
    """
    if not is_out_of_memory(error):
        return None
    words = takes.words() if stage == "training" else _for_validation(takes)
    advice = " or ".join(words) if words else "a smaller model"
    if stage == "training" and (batches := _accumulated(takes, words)):
        same = f"trainer.accumulate_grad_batches={batches}"
        advice = f"{advice}; with {words[0]} {same} makes the gradients those of before"
    return StepOutOfMemoryError(
        f"not enough memory for a step of {stage} on {takes.memory.device}: by the estimate the run takes "
        f"{gib(takes.memory.total)}, and {gib(takes.room.free)} might be had at its start; use {advice}"
    )


def _accumulated(takes: RunEstimate, words: list[str]) -> int:
    """Batches that together have as many samples as one had; 0: no smaller batch is proposed."""
    key, _, value = words[0].partition("=") if words else ("", "", "")
    batch = takes.keys.get(key)
    return -(-batch // int(value)) if key.endswith("batch_size") and batch else 0


def _for_validation(takes: RunEstimate) -> list[str]:
    """Words that make what is seen at once smaller."""
    return ["inference.window=256 inference.batch_size=1", "datamodule.loader.eval_batch_size=1"]
