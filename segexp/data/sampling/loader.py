"""One place that makes DataLoaders, so that every loader option reaches every loader."""

from functools import partial
from typing import TypeVar

import cv2
import torch
from torch.utils.data import DataLoader, Dataset

from segexp.data.sampling.batches import KeyedBatches
from segexp.data.sampling.on_device.plans import CropPlans, collate_plans
from segexp.data.sampling.samples import KeyedSampler, collate
from segexp.data.sampling.worker_board import WorkerBoard, join_board, new_board
from segexp.system.cores import available_cores
from segexp.types import LoaderOptions

S = TypeVar("S")

ON_DEVICE = 2
"""Loading processes beside a GPU where it takes the pixels itself: what is left to draw for a sample is little."""


def make_loader(
    dataset: Dataset[S],
    sampler: KeyedSampler,
    options: LoaderOptions,
    *,
    training: bool,
    begin: tuple[int, int] = (0, 0),
) -> DataLoader[S]:
    """A DataLoader with all options applied.

    Args:
        dataset: Takes (epoch, index) keys.
        sampler: Yields these keys; a batch, with all its ranks, is made of them in their order.
        options: The ``loader:`` block.
        training: Whether ``batch_size`` and ``drop_last`` apply, or ``eval_batch_size``.
        begin: Epoch and batch that a training starts with, of one that goes on within an epoch.
    """
    # Validation and test images lie decoded in memory: they get workers only when asked.
    workers = worker_count(options) if training or options.num_workers is not None else 0
    cuda = torch.cuda.is_available()
    return DataLoader(
        dataset,
        batch_sampler=make_batches(sampler, options, training=training, begin=begin),
        num_workers=workers,
        collate_fn=collate_plans if isinstance(dataset, CropPlans) else collate,
        pin_memory=cuda if options.pin_memory is None else options.pin_memory,
        prefetch_factor=options.prefetch_factor if workers else None,
        persistent_workers=options.persistent_workers and workers > 0,
        worker_init_fn=partial(_start_worker, new_board(workers)),
        # Unless given, the loader draws from torch's global stream, more or less often with the number of workers:
        # dropout would then depend on it.
        generator=torch.Generator().manual_seed(0),
    )


def make_batches(
    sampler: KeyedSampler, options: LoaderOptions, *, training: bool, begin: tuple[int, int] = (0, 0)
) -> KeyedBatches:
    """The batches of a loader; training batches are divided between ranks."""
    size = options.batch_size if training else options.eval_batch_size
    return KeyedBatches(sampler, size, drop_last=options.drop_last and training, divide=training, begin=begin)


def worker_count(options: LoaderOptions) -> int:
    """Workers asked for, or by the machine.

    Without a GPU the network itself uses every core: a worker would only take turns with it, so there is none.
    """
    if options.num_workers is not None:
        return options.num_workers
    if not torch.cuda.is_available():
        return 0
    return min(ON_DEVICE if options.on_device else 8, available_cores())


def _start_worker(board: WorkerBoard | None, worker: int) -> None:
    join_board(board, worker)
    # Each worker is one of several: threads of OpenCV inside it would fight for the same cores.
    cv2.setNumThreads(0)
