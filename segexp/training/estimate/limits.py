"""Compares what a training will take with what its process may have: what cannot fit is not started."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import torch

from segexp.errors import ConfigError
from segexp.system.free_memory import free_memory, gib, memory_limit, process_memory
from segexp.training.estimate.memory import MemoryEstimate

KEY = "trainer.allow_oversize"
STEP = 32
"""Sides of crops that are proposed are multiples of it: most networks halve the image five times."""


@dataclass(frozen=True)
class Room:
    """Bytes of the memory in which a network computes.

    Attributes:
        limit: What this process may hold at most, swap among it; None: unknown.
        free: What it may hold now, with what it holds already; None: unknown.
        words: What memory that is.
    """

    limit: int | None
    free: int | None
    words: str


def measure_room(device: str) -> Room:
    """Measures the memory of a device, ``cpu``, ``cuda`` or ``mps``; the last has that of the machine."""
    if device == "cuda":
        free, whole = torch.cuda.mem_get_info()
        return Room(whole, free + torch.cuda.memory_reserved(), f"the memory of {torch.cuda.get_device_name()}")
    free_now, held = free_memory(), process_memory() or 0
    return Room(memory_limit(), None if free_now is None else free_now + held, "the memory that this process may have")


def refuse_oversize(estimate: MemoryEstimate, room: Room, processes: int = 1, *, allowed: bool = False) -> None:
    """Refuses a training of which not a single sample can fit, whatever else is closed or freed.

    Args:
        estimate: Of each process.
        room: That they share.
        processes: How many of them compute there.
        allowed: Whether it is to start all the same.

    Raises:
        ConfigError: Weights, gradients, optimiser state and one sample are more than there can be.
    """
    parts = estimate.least_parts(processes)
    least = sum(parts.values())
    if allowed or room.limit is None or least <= room.limit:
        return
    shown = ", ".join(f"{name} {gib(size)}" for name, size in parts.items())
    several = f" in {processes} processes together" if processes > 1 else ""
    raise ConfigError(
        f"memory: training takes {gib(least)} at least ({shown}{several}), but {room.words} is {gib(room.limit)}; use "
        f"a smaller model, crop or optimizer (sgd keeps least), or start all the same with {KEY}=true"
    )


def warn_of_size(
    estimate: MemoryEstimate, room: Room, keys: Mapping[str, int | None], processes: int = 1
) -> Iterator[str]:
    """Yields a line where a training will take more than is free now.

    Args:
        estimate: Of each process.
        room: That they share.
        keys: Values in force of ``datamodule.loader.batch_size`` and ``datamodule.crop_size``.
        processes: How many compute there.
    """
    total = estimate.total * processes
    if room.free is not None and total > room.free:
        words = " or ".join(smaller(estimate, room.free // processes, keys))
        yield (
            f"memory: training will take about {gib(total)}, but {gib(room.free)} of {room.words} are free now; it may "
            f"be ended by the system; to be safe use {words or 'a smaller model'}"
        )


def smaller(estimate: MemoryEstimate, room: int, keys: Mapping[str, int | None]) -> Iterator[str]:
    """Yields words for the command line with which a training would fit by the estimate, one of them each.

    Args:
        estimate: As it is.
        room: Bytes that there are for one process.
        keys: Values in force of ``datamodule.loader.batch_size`` (of all ranks) and ``datamodule.crop_size``.
    """
    batch, side = keys.get("datamodule.loader.batch_size"), keys.get("datamodule.crop_size")
    fits = min(estimate.largest_batch(room), estimate.batch - 1)
    ranks = 1 if batch is None else -(-batch // estimate.batch)
    if batch is not None and fits >= 1:
        yield f"datamodule.loader.batch_size={_power_of_two(fits) * ranks}"
    fixed = estimate.with_batch(0).total
    share = (room - fixed) / max(1, estimate.total - fixed)
    if side is not None and 0 < share < 1 and (crop := int(side * math.sqrt(share)) // STEP * STEP) > 0:
        yield f"datamodule.crop_size={crop}"


def _power_of_two(most: int) -> int:
    return int(2 ** int(math.log2(most)))
