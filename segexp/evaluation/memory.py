"""Gives memory back around large images of validation and test."""

from collections.abc import Mapping
from typing import Any

from lightning.pytorch.callbacks import Callback
from torch import Tensor

from segexp.rasters.handles import release_image_memory


class ReleaseMemory(Callback):
    """Gives memory back before, between and after large images of validation and test."""

    def __init__(self) -> None:
        self._pixels = 0

    def on_validation_batch_start(self, trainer: Any, module: Any, batch: Any, *_: Any) -> None:
        """Frees what training, or the image before, has left."""
        image = batch.get("image") if isinstance(batch, Mapping) else None  # loaders of the user's own give anything
        self._pixels = image[:, 0].numel() if isinstance(image, Tensor) and image.ndim == 4 else 0
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
