"""What a run folder will take on the disk: checkpoints with the optimiser's state, and pictures."""

import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lightning.pytorch.callbacks import Callback, ModelCheckpoint

from segexp.config.experiment import Experiment
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
    """

    checkpoints: int
    pictures: int
    free: int | None

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
        if self.free is not None and self.total > self.free:
            yield (
                f"output_dir: the run folder will take about {gib(self.total)}, but {gib(self.free)} are free; make "
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
    kept = OWN_FILES + sum(_kept(each, epochs) for each in callbacks if isinstance(each, ModelCheckpoint))
    sides = max(whole, key=lambda size: size[0] * size[1], default=(0, 0))
    pixels = min(sides[0], LARGEST_SIDE) * min(sides[1], LARGEST_SIDE)
    pictures = experiment.panels + experiment.val_panels * (experiment.panel_epochs != 0)
    there = next(place for place in (folder, *folder.parents, Path()) if place.is_dir())
    try:
        free = shutil.disk_usage(there).free
    except OSError:
        free = None
    return DiskEstimate(kept * state, PAGES + pictures * TILES * pixels * PIXEL_BYTES, free)


def _kept(callback: ModelCheckpoint, epochs: int) -> int:
    """Files that Lightning's callback keeps: so many of the best, -1: one of each time it looks."""
    best = int(callback.save_top_k)
    return (epochs if best < 0 else best) + bool(callback.save_last)
