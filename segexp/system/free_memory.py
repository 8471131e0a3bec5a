"""Measures free memory: of the machine, of the container, and shared between processes."""

import shutil
from pathlib import Path

SHARED = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")


def free_shared() -> int | None:
    """Counts the bytes free in shared memory; None: the system has no such folder."""
    try:
        return shutil.disk_usage(SHARED).free
    except OSError:
        return None


def free_memory() -> int | None:
    """Counts the bytes of memory that may still be taken, by machine and container; None: unknown."""
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
    """Formats a number of bytes: ``1.2 GiB``, ``64 MiB``."""
    if size is None:
        return "an unknown amount"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def oom_kills() -> int | None:
    """Counts the processes of this container that the system has ended for lack of memory; None: it does not say."""
    try:
        counts = dict(line.split() for line in _lines(CGROUP / "memory.events"))
        return int(counts["oom_kill"])
    except (OSError, ValueError, KeyError):
        return None
