"""Counts the cores this process may use: by the machine, its container, and what a sweep gave it."""

import os
from pathlib import Path

CORES = "SEGEXP_CORES"
"""Environment variable in which a sweep tells its jobs their share."""


def available_cores() -> int:
    """Counts the cores that this process may use, at least 1."""
    given = os.environ.get(CORES, "")
    if given.isdigit() and int(given) > 0:
        return int(given)
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(cores, _quota() or cores))


def _quota(path: Path = Path("/sys/fs/cgroup/cpu.max")) -> int | None:
    """Processor time that a container grants, in whole cores; None: no limit is known."""
    try:
        quota, period = path.read_text(encoding="utf-8").split()
        return max(1, int(quota) // int(period))
    except (OSError, ValueError):
        # no such file, or "max 100000"
        return None
