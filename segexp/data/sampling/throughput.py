"""How many training samples a loader gives a second, for several numbers of loading processes side by side."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from segexp.data.sampling.loader import make_loader
from segexp.data.sampling.on_device.plans import CropPlans
from segexp.data.sampling.samples import Batch, KeyedSampler, RandomCrops
from segexp.types import LoaderOptions


@dataclass(frozen=True)
class Throughput:
    """Measured speed of the loaders.

    Attributes:
        workers: Loading processes.
        start: Seconds until the first batch was there.
        batch: Seconds from one batch to the next, afterwards.
        samples: Samples a second, afterwards.
        batches: Batches that were timed.
    """

    workers: int
    start: float
    batch: float
    samples: float
    batches: int


def measure(
    crops: RandomCrops | CropPlans, options: LoaderOptions, workers: Sequence[int], seconds: float
) -> Iterator[Throughput]:
    """Takes batches as fast as they come, for about ``seconds`` with each number of processes."""
    for count in workers:
        yield _timed(crops, replace(options, num_workers=count), count, seconds)


def _timed(crops: RandomCrops | CropPlans, options: LoaderOptions, workers: int, seconds: float) -> Throughput:
    sampler = KeyedSampler(len(crops), crops.seed, shuffle=True)
    loader = make_loader(crops, sampler, options, training=True)
    begin = time.perf_counter()
    stream = _epochs(loader, sampler)
    next(stream)
    first = time.perf_counter()
    samples = batches = 0
    now = first
    # At least a few batches, or what the processes held ready would look like speed.
    while now - first < seconds or batches < 2 * max(1, workers) * options.prefetch_factor:
        batch = next(stream)
        samples += len(batch["index"])
        batches += 1
        now = time.perf_counter()
        if now - first > 10 * seconds:
            break
    spent = now - first
    return Throughput(workers, first - begin, spent / batches, samples / spent, batches)


def _epochs(loader: object, sampler: KeyedSampler) -> Iterator[Batch]:
    """Batches of one epoch after the other."""
    epoch = 0
    while True:
        sampler.set_epoch(epoch)
        yield from loader  # type: ignore[misc] # DataLoader is typed by its samples, not by its batches
        epoch += 1
