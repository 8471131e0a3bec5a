"""The first lines of a run."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.data.base import ImageDataModule
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.runs.text import shape_text
from segexp.tasks.base import BaseTask
from segexp.training.estimate.run import RunEstimate

GUESSES = ("guessed ", "to fix what was guessed", "not used: ", "passed over, by their endings")
"""How lines begin that say how the data were understood, which warns of nothing."""


def log_summary(
    folder: RunFolder, datamodule: ImageDataModule, module: BaseTask, ranks: int, takes: RunEstimate
) -> None:
    """Logs where the run folder is, model, data, loss and settings of the training, and what it ``takes``."""
    data = datamodule.describe()
    on = [name for name, value in vars(module.speed).items() if value]
    parameters = sum(p.numel() for p in module.model.parameters())
    LOG.info(f"run folder  {folder.path}")
    LOG.info(
        f"data        {', '.join(module.spec.classes) or module.spec.kind}; "
        + "; ".join(_part(phase, data[phase]) for phase in ("train", "val", "test"))
    )
    LOG.info(f"model       {type(module.model).__name__}, {parameters:,} parameters")
    if computed := module.computed():
        LOG.info(f"loss        from the training images: {computed}")
    LOG.info(f"speed       {', '.join(on) or 'PyTorch defaults'}")
    if ranks > 1:
        LOG.info(f"ranks       {ranks}, each with its part of every batch")
    for line in takes.lines():
        LOG.info(line)
    log_notes(datamodule.notes)
    for warning in takes.warnings():
        LOG.warning(warning)


def log_notes(notes: Sequence[str]) -> None:
    """Logs what is said of the data: what was guessed as a note, what may be amiss as a warning."""
    for note in notes:
        if note.startswith(GUESSES):
            LOG.info(f"note: {note}")
        else:
            LOG.warning(note)


def _part(phase: str, facts: Mapping[str, Any]) -> str:
    return f"{phase} {shape_text(facts['shape'], 'x')} from {facts['images']} images"
