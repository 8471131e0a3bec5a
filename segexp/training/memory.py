"""Keeps the memory of a process that sees large images near what one of them needs."""

from typing import Any

from lightning.pytorch.callbacks import Callback
from torch import Tensor

from segexp.training.allocator import give_back

LARGE = 1 << 22
"""Pixels of a batch of images from which on freed memory goes back to the system: a millisecond or so per 10 MB."""


class GiveBack(Callback):
    """Gives freed memory back before, after and between large images of validation and test."""

    def __init__(self) -> None:
        self._large = False

    def on_validation_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """What training has freed."""
        self._look(batch)

    def on_test_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """What the image before has freed."""
        self._look(batch)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """What the last image has freed."""
        self._end()

    def on_test_end(self, trainer: Any, module: Any) -> None:
        """What the last image has freed."""
        self._end()

    def _end(self) -> None:
        if self._large:
            give_back()

    def _look(self, batch: dict[str, Tensor]) -> None:
        self._large = batch["mask"].numel() > LARGE
        if self._large:
            give_back()
