"""Whether the batches that loading processes hold ready fit into shared memory; a bus error would tell it too late."""

from collections.abc import Iterator, Sequence

from segexp.data.checks.problems import Problem, problem_of
from segexp.data.items.item import Item
from segexp.errors import ConfigError
from segexp.system.free_memory import free_memory, free_shared, gib
from segexp.types import LoaderOptions


def loaders_fit(
    train: Sequence[Item], others: Sequence[Item], size: int | None, options: LoaderOptions, workers: int
) -> Iterator[Problem]:
    """Compares what ``workers`` processes hold ready with the memory that is free.

    Args:
        train: Training images.
        others: Validation and test images.
        size: Side of training samples; None: whole images.
        options: The ``loader:`` block.
        workers: Loading processes of the training loader.
    """
    sample = max((_bytes(item, size) for item in train), default=0)
    # Where the device takes the pixels itself, batches are a few numbers.
    need = 0 if options.on_device else workers * options.prefetch_factor * options.batch_size * sample
    if options.num_workers:
        whole = max((_bytes(item, None) for item in others), default=0)
        need = max(need, options.num_workers * options.prefetch_factor * options.eval_batch_size * whole)
    for where, free, more in (
        ("shared memory (/dev/shm)", free_shared(), " or a larger /dev/shm (docker run --shm-size=8g)"),
        ("memory", free_memory(), ""),
    ):
        if workers and free is not None and need > free:
            yield problem_of(
                ConfigError(
                    f"datamodule.loader.num_workers: {workers} loading processes hold up to {options.prefetch_factor} "
                    f"batches each, {gib(need)}, but {gib(free)} of {where} are free; use fewer (0: none), a smaller "
                    f"batch_size or prefetch_factor{more}"
                ),
                kind="loader",
            )


def _bytes(item: Item, size: int | None) -> int:
    """Bytes of an image and its target, or of a square part of them."""
    height, width = item.shape if size is None else (size, size)
    pixel = item.channels * item.dtype.itemsize
    return height * width * (pixel + item.form.pixel_bytes(pixel))
