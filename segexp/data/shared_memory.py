"""Whether the batches that loading processes hold ready fit into shared memory; a bus error would tell it too late."""

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from segexp.data.items import Item
from segexp.data.problems import Problem, problem_of
from segexp.errors import ConfigError
from segexp.types import LoaderOptions

SHARED = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")


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
    need = workers * options.prefetch_factor * options.batch_size * sample
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
    """Bytes of an image and its mask, or of a square part of them."""
    height, width = item.shape if size is None else (size, size)
    return height * width * (item.channels * item.dtype.itemsize + 1)


def free_shared() -> int | None:
    """Bytes free in shared memory; None: the system has no such folder."""
    try:
        return shutil.disk_usage(SHARED).free
    except OSError:
        return None


def free_memory() -> int | None:
    """Bytes of memory that may still be taken, by the machine and by the limit of the container; None: unknown."""
    known = [found for found in (_of_machine(), _of_container()) if found is not None]
    return min(known, default=None)


def _of_machine() -> int | None:
    try:
        lines = MEMORY.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    found = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return int(found[0]) * 1024 if found else None


def _of_container() -> int | None:
    try:
        limit = (CGROUP / "memory.max").read_text(encoding="ascii").strip()
        used = (CGROUP / "memory.current").read_text(encoding="ascii").strip()
        # The page cache counts as used, and is given back when it is needed.
        cached = [line.split()[1] for line in _lines(CGROUP / "memory.stat") if line.startswith("inactive_file ")]
    except OSError:
        return None
    return None if limit == "max" else max(0, int(limit) - int(used) + sum(map(int, cached)))


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="ascii").splitlines()


def gib(size: int | None) -> str:
    """Bytes in words: ``1.2 GiB``, ``64 MiB``."""
    if size is None:
        return "an unknown amount"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"
