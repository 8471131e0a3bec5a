"""Keeps the memory of a process that sees large images near what one of them needs."""

from typing import Any

from lightning.pytorch.callbacks import Callback
from torch import nn

from segexp.allocator import LARGE, give_back
from segexp.data.rasters import release_pages


def state_bytes(model: nn.Module) -> int:
    """Bytes of the checkpoints of a run: best, last and the one being written, each with two moments per weight."""
    weights = sum(weight.numel() * weight.element_size() for weight in model.state_dict().values())
    return int(3 * 3 * weights)


def give_all_back(pixels: int) -> None:
    """Returns to the system, around the work on an image of so many pixels, freed memory and pages of mapped files."""
    give_back(pixels)
    if pixels > LARGE:
        release_pages()


class GiveBack(Callback):
    """Gives memory back before, between and after large images of validation and test."""

    def __init__(self) -> None:
        self._pixels = 0

    def on_validation_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """What training, or the image before, has left."""
        self._pixels = batch["mask"].numel()
        give_all_back(self._pixels)

    def on_test_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """The same."""
        self.on_validation_batch_start(trainer, module, batch)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """What the last image has left."""
        give_all_back(self._pixels)

    def on_test_end(self, trainer: Any, module: Any) -> None:
        """The same."""
        give_all_back(self._pixels)
