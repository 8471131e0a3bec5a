"""What a run folder will take on the disk: checkpoints with the optimiser's state, and pictures."""

import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from segexp.config.experiment import Experiment
from segexp.invocation import Invocation
from segexp.runs.writable import PAGES
from segexp.system.free_memory import gib
from segexp.training.estimate.memory import MemoryEstimate

OWN_FILES = 3
"""Checkpoints of a run at a time: best, last, and the one that is being written."""
TILES = 4
"""Parts of a picture: image, truth, prediction, errors."""
LARGEST_SIDE = 1024
"""Longest side of a tile in pixels."""
PIXEL_BYTES = 2
"""Bytes of a pixel of a picture: three, compressed."""


@dataclass(frozen=True)
class DiskEstimate:
    """Bytes that a run folder takes.

    Attributes:
        checkpoints: Best and last with a temporary one, and those that callbacks of the config keep.
        pictures: Panels, charts and page.
        free: Bytes that are free where it is made; None: unknown.
        own: Of the checkpoints best, last and the temporary one as of the first step: what a run surely writes.
        lying: Bytes of checkpoints that a run which goes on finds in its folder; they are replaced, or stay.
    """

    checkpoints: int
    pictures: int
    free: int | None
    own: int = 0
    lying: int = 0

    @property
    def total(self) -> int:
        """All of it."""
        return self.checkpoints + self.pictures

    def to_dict(self) -> dict[str, Any]:
        """All bytes by name, for JSON."""
        return {**asdict(self), "total": self.total}

    def described(self) -> str:
        """``about 360 MiB: checkpoints 355 MiB, pictures 5 MiB; 120 GiB free``."""
        free = "" if self.free is None else f"; {gib(self.free)} free"
        return f"about {gib(self.total)}: checkpoints {gib(self.checkpoints)}, pictures {gib(self.pictures)}{free}"

    def warnings(self) -> Iterator[str]:
        """Yields a line where less is free."""
        more = self.total - self.lying
        if self.free is not None and more > self.free:
            there = f" more than the checkpoints ({gib(self.lying)}) that lie in it" if self.lying else ""
            yield (
                f"output_dir: the run folder will take about {gib(more)}{there}, but {gib(self.free)} are free; make "
                "room, or give another folder"
            )


def estimate_disk(
    experiment: Experiment,
    memory: MemoryEstimate,
    folder: Path,
    whole: Collection[tuple[int, int]],
    callbacks: Iterable[Callback] = (),
) -> DiskEstimate:
    """Estimates what a run takes on the disk.

    Args:
        experiment: Of the training.
        memory: Estimate of it, with weights and the optimiser's state of a process.
        folder: Where the run folder is made, or would be.
        whole: Sizes of the images of validation and test.
        callbacks: Of the config; some keep more checkpoints.
    """
    divided = experiment.ranks if experiment.trainer.strategy == "fsdp" else 1
    state = (memory.weights + memory.optimizer) * divided
    epochs = max(1, experiment.fitting.max_epochs or 1)
    own = OWN_FILES * (memory.weights + memory.first_state) * divided
    others = sum(
        _kept(each, epochs) * (memory.weights * divided if each.save_weights_only else state)
        for each in callbacks
        if isinstance(each, ModelCheckpoint)
    )
    sides = max(whole, key=lambda size: size[0] * size[1], default=(0, 0))
    pixels = min(sides[0], LARGEST_SIDE) * min(sides[1], LARGEST_SIDE)
    pictures = experiment.panels + experiment.val_panels * (experiment.panel_epochs != 0)
    there = next(place for place in (folder, *folder.parents, Path()) if place.is_dir())
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = None
    lying = lying_bytes(experiment.invocation, "**/*.ckpt")
    return DiskEstimate(OWN_FILES * state + others, PAGES + pictures * TILES * pixels * PIXEL_BYTES, free, own, lying)


def lying_bytes(invocation: Invocation, pattern: str) -> int:
    """Bytes of files that lie in the folder of a run which goes on in it; 0 for a new run.

    Args:
        invocation: Says whether it goes on, and where.
        pattern: Of the files, relative to the run folder.
    """
    if invocation.folder is None or not invocation.goes_on:
        return 0
    return sum(path.stat().st_size for path in invocation.folder.glob(pattern) if path.is_file())


def _kept(callback: ModelCheckpoint, epochs: int) -> int:
    """Files that Lightning's callback keeps: so many of the best, -1: one of each time it looks.

    A callback that looks by steps or by the clock has no number of epochs; of those one file is counted.
    """
    best = int(callback.save_top_k)
    every = callback.every_n_epochs or epochs
    return (epochs // every if best < 0 else best) + bool(callback.save_last)
