"""Whether images can be seen at the size that is asked for: found before anything is written."""

from collections.abc import Sequence

import torch

from segexp.data.items.item import Item
from segexp.errors import ConfigError
from segexp.models.sizes import InputSizeError
from segexp.system.free_memory import free_memory, gib
from segexp.tasks.dense import DenseTask

Shape = tuple[int, int]


def check_rescaled(task: DenseTask, items: Sequence[Item]) -> None:
    """Looks at the largest image for its memory, and tries the model on the smallest.

    Args:
        task: With ``rescale``.
        items: To be seen.

    Raises:
        ConfigError: Names the image and the sizes, and what to do.
    """
    rescale = task.rescale
    if rescale is None:
        return
    seen = [(rescale.shape_for(*item.shape), item) for item in items]
    _check_memory(task, *max(seen, key=lambda pair: pair[0][0] * pair[0][1]))
    _try_smallest(task, *min(seen, key=lambda pair: min(pair[0])))


def _check_memory(task: DenseTask, shape: Shape, item: Item) -> None:
    """Pixels, and outputs as they grow, are weighed and are resampled back, of the image and at its own size."""
    outputs = 3 * 4 * task.spec.out_channels
    need = shape[0] * shape[1] * (item.channels * item.dtype.itemsize + outputs)
    need += item.shape[0] * item.shape[1] * outputs
    free = free_memory()
    if free is not None and need > free:
        raise ConfigError(
            f"scale: {_words(shape, item)} would take {gib(need)} of memory, {gib(free)} are free; use a smaller scale"
        )


def _try_smallest(task: DenseTask, shape: Shape, item: Item) -> None:
    window = task.inference.window_for(*shape)
    height, width = (side if window is None else min(side, window) for side in shape)
    image = torch.zeros((1, task.spec.in_channels, height, width), dtype=torch.uint8, device=task.scale.mean.device)
    try:
        with torch.inference_mode():
            task(image)
    except InputSizeError as error:
        raise ConfigError(f"scale: {_words(shape, item)} is too small: {error}; use a larger scale") from error


def _words(shape: Shape, item: Item) -> str:
    return f"{item.name} of {item.shape[1]}x{item.shape[0]} pixels, seen at {shape[1]}x{shape[0]},"
