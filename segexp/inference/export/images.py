"""Real images of a run to compare on: those that it was tested on, and those that it was trained on."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from segexp.data.base import ImageDataModule
from segexp.data.items.item import Item
from segexp.errors import MismatchError
from segexp.inference.evaluate.command import data_section
from segexp.inference.evaluate.data import evaluation_data, keep_own_split
from segexp.inference.model import Model
from segexp.inference.task_model import TaskModel
from segexp.training.building.datamodule import build_datamodule

LARGEST = 1024
"""Of larger images the middle is taken: the exported graph sees them whole, and so must PyTorch here."""


class RunImages:
    """Images of the run's own data set, or of another one."""

    def __init__(self, model: Model | TaskModel, data: Mapping[str, Any] | None) -> None:
        """Reads nothing yet.

        Args:
            model: Of the run.
            data: Section ``datamodule``, or keys of it that differ from the run's; None: as in the run.
        """
        self.model = model
        self.section = data_section(model, data)

    def taken(self, phase: Literal["train", "test"], most: int | None) -> list[Item]:
        """Picks images with masks, checked to fit the model.

        Args:
            phase: Part of the data set.
            most: At most so many, evenly spread; None: all.

        Raises:
            UserError: Files are missing or at fault.
        """
        config = self.model.config
        data = evaluation_data(self._source, self.model.module, config.task, phase, config.datamodule)
        return spread_evenly(data.items("test"), most)

    @cached_property
    def _source(self) -> ImageDataModule:
        source = build_datamodule(self.section)
        keep_own_split(source, self.model, self.section, "train")
        return source


def spread_evenly(items: Sequence[Item], most: int | None) -> list[Item]:
    """Picks at most ``most`` items, evenly spread over all."""
    if most is None or len(items) <= most:
        return list(items)
    return [items[index] for index in np.linspace(0, len(items) - 1, most).round().astype(int)] if most else []


def image_and_mask(item: Item, dtype: np.dtype[Any], largest: int = LARGEST) -> tuple[NDArray[Any], NDArray[np.uint8]]:
    """Reads image (1, C, H, W) and mask (1, H, W), the middle of a large one.

    Raises:
        MismatchError: Its pixels are of another type than the file takes.
    """
    height, width = (min(side, largest) for side in item.shape)
    top, left = (item.shape[0] - height) // 2, (item.shape[1] - width) // 2
    image, mask = item.window(top, left, height, width)
    if image.dtype != dtype:
        raise MismatchError(
            f"{item.name}: {image.dtype} pixels, but the exported file takes {dtype}, as the training images were by "
            "what the run says; compare on such images, or on none with images=0"
        )
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None]), mask[None]


def image_batches(items: Sequence[Item], dtype: np.dtype[Any]) -> Iterator[NDArray[Any]]:
    """Yields raw batches (1, C, H, W), one image at a time."""
    return (image_and_mask(item, dtype)[0] for item in items)
