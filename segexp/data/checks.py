"""Whether images, crops and batches fit each other, by the sizes alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from segexp.data.items import Item
from segexp.errors import ConfigError, DataError


def check_alike(items: Sequence[Item]) -> tuple[int, np.dtype[Any]]:
    """Channels and type that all images share.

    Raises:
        DataError: An image differs from the first.
    """
    first = items[0]
    for item in items:
        if (item.channels, item.dtype) != (first.channels, first.dtype):
            raise DataError(
                f"{item.name}: {item.channels} channels of {item.dtype}, but {first.name} has {first.channels} of "
                f"{first.dtype}; all images must be alike"
            )
    return first.channels, first.dtype


def check_crops(items: Sequence[Item], size: int | None, batch: int, *, pad: bool) -> list[str]:
    """Whether training samples of ``size`` can be cut from the images and fit into batches.

    Args:
        items: Training images.
        size: Side of the crops; None: whole images.
        batch: Samples in a batch.
        pad: Whether smaller images are mirrored around.

    Returns:
        What was decided, in words.

    Raises:
        ConfigError: They do not.
    """
    sizes = {item.shape for item in items}
    if size is None:
        if len(sizes) > 1 and batch > 1:
            raise ConfigError("datamodule.crop_size: images have different sizes; set one to train in batches")
        return []
    small = [item for item in items if min(item.shape) < size]
    if small and not pad:
        height, width = small[0].shape
        raise ConfigError(
            f"datamodule.crop_size: found {size}, but {small[0].name} has {height}x{width} pixels; "
            f"use at most {min(min(item.shape) for item in small)}, or datamodule.pad_to_crop=true with random crops"
        )
    if not small:
        return []
    return [
        f"{len(small)} training images are smaller than crop_size={size}: they are mirrored around up to it, and the "
        "border counts nowhere"
    ]


def check_whole(items: Sequence[Item], batch: int) -> None:
    """Whether validation and test images fit into batches.

    Raises:
        ConfigError: They have different sizes.
    """
    if batch > 1 and len({item.shape for item in items}) > 1:
        raise ConfigError(
            f"datamodule.loader.eval_batch_size: found {batch}, but validation and test "
            "images have different sizes; use 1, or set datamodule.eval_size"
        )
