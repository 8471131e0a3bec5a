"""Gives memory back around large images of validation and test."""

from typing import Any

from lightning.pytorch.callbacks import Callback

from segexp.rasters.handles import release_image_memory


class ReleaseMemory(Callback):
    """Gives memory back before, between and after large images of validation and test."""

    def __init__(self) -> None:
        self._pixels = 0

    def on_validation_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """Frees what training, or the image before, has left."""
        self._pixels = batch["image"][:, 0].numel()
        release_image_memory(self._pixels)

    def on_test_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """Frees what the image before has left."""
        self.on_validation_batch_start(trainer, module, batch)

    def on_validation_end(self, trainer: Any, module: Any) -> None:
        """Frees what the last image has left."""
        release_image_memory(self._pixels)

    def on_test_end(self, trainer: Any, module: Any) -> None:
        """Frees what the last image has left."""
        release_image_memory(self._pixels)
