"""How many jobs run at a time, on which GPU and with how many threads each. Asks the system, not torch."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from segexp.config.schema import SweepConfig
from segexp.errors import ConfigError
from segexp.system.cores import available_cores
from segexp.system.free_memory import free_memory
from segexp.system.gpus import visible_gpus

MEMORY_PER_JOB = 2 * 2**30
"""Bytes that a job is taken to need where nothing is known; the default experiment peaks at about half of it."""


@dataclass(frozen=True)
class DeviceLayout:
    """Number of jobs at a time, with the GPUs and threads of each.

    Attributes:
        jobs: How many at a time.
        threads: Threads of each on the processor.
        gpus: GPU of each place, as CUDA_VISIBLE_DEVICES has them; empty: the processor, or what each job finds. Of a
            job with several ranks the GPUs of all of them, ``0,1``.
    """

    jobs: int
    threads: int
    gpus: tuple[str, ...] = ()

    def gpu(self, place: int) -> str | None:
        """GPU of one of the ``jobs`` places; with more places than GPUs they take turns."""
        return self.gpus[place % len(self.gpus)] if self.gpus else None

    def __str__(self) -> str:
        where = f"on GPU {', '.join(gpu.replace(',', '+') for gpu in self.gpus)}" if self.gpus else "on the processor"
        return f"{self.jobs} at a time {where}, {self.threads} thread{'s' if self.threads > 1 else ''} each"


def plan_devices(
    section: SweepConfig,
    count: int,
    accelerators: Sequence[str],
    threads: int | None = None,
    ranks: Sequence[int | list[int] | Literal["auto"]] = (1,),
) -> DeviceLayout:
    """The layout of a sweep.

    Args:
        section: The keys ``jobs`` and ``gpus``.
        count: Number of jobs in all.
        accelerators: ``trainer.accelerator`` of the jobs.
        threads: Threads of each job where that is settled, for a sweep that goes on: other numbers of threads add in
            another order, and the last digits would differ.
        ranks: ``trainer.devices`` of the jobs; each job gets as many GPUs as the largest asks for, ``auto`` is all.

    Raises:
        ConfigError: There are fewer GPUs than a job asks for.
    """
    cores = available_cores()
    gpus = _gpus(section.gpus, accelerators)
    if (numbers := next((each for each in ranks if isinstance(each, list)), None)) is not None:
        raise ConfigError(
            f"trainer.devices: found {numbers}, but a sweep gives each job its GPUs; use sweep.gpus={numbers} and "
            f"trainer.devices={len(numbers)}"
        )
    most = max((number for number in ranks if isinstance(number, int)), default=1)
    together = len(gpus) if gpus and "auto" in ranks else most
    gpus = _grouped(gpus, together)
    fixed = threads or _threads_of_user()
    free = len(gpus) or min(max(1, cores // (fixed or 1) // together), max(1, _by_memory() // together))
    jobs = min(free if section.jobs == "auto" else section.jobs, count)
    return DeviceLayout(jobs, fixed or max(1, cores // jobs), gpus)


def _grouped(gpus: tuple[str, ...], together: int) -> tuple[str, ...]:
    """So many GPUs for each job; what is left over stays idle."""
    if gpus and together > len(gpus):
        raise ConfigError(
            f"trainer.devices: found {together}, but the sweep has {len(gpus)} GPUs ({', '.join(gpus)}); use at most "
            f"{len(gpus)}, or trainer.accelerator=cpu"
        )
    return tuple(",".join(gpus[at : at + together]) for at in range(0, len(gpus) - together + 1, together))


def _threads_of_user() -> int | None:
    """Whoever sets OMP_NUM_THREADS has decided already."""
    given = os.environ.get("OMP_NUM_THREADS", "")
    return int(given) if given.isdigit() and int(given) > 0 else None


def _gpus(asked: Sequence[int | str] | Literal["auto"], accelerators: Sequence[str]) -> tuple[str, ...]:
    if asked != "auto":
        if not asked:
            raise ConfigError("sweep.gpus: found an empty list; for no GPU use trainer.accelerator=cpu")
        return tuple(str(gpu) for gpu in asked)
    return visible_gpus() if {"auto", "gpu"} & set(accelerators) else ()


def _by_memory() -> int:
    """Jobs for which there is memory now, at least 1."""
    free = free_memory()
    return max(1, free // MEMORY_PER_JOB) if free is not None else 1_000_000
