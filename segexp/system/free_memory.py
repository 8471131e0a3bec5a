"""Measures memory: what is free, and what this process may have, by machine, container and its own limits."""

import math
import shutil
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

SHARED = Path("/dev/shm")
CGROUP = Path("/sys/fs/cgroup")
MEMORY = Path("/proc/meminfo")
PROCESS = Path("/proc/self")


def free_shared() -> int | None:
    """Counts the bytes free in shared memory; None: the system has no such folder."""
    try:
        return shutil.disk_usage(SHARED).free
    except OSError:
        return None


def free_memory() -> int | None:
    """Counts the bytes of memory that may still be taken, by machine, container and limits; None: unknown."""
    machine = _of_machine("MemAvailable")
    own = [limit - used for limit, used in _own_limits()]
    known = [*([] if machine is None else [machine]), *_free_in_containers(), *own]
    return max(0, min(known)) if known else None


def memory_limit() -> int | None:
    """Counts the bytes that this process may hold at most, other processes apart; None: unknown.

    Swap is counted: what lies there needs no memory until it is touched.
    """
    machine, swap = _of_machine("MemTotal"), _of_machine("SwapTotal") or 0
    # A limit of addresses counts libraries that take no memory: what is left of it is what may be added.
    own = [held + limit - used for limit, used in _own_limits() if (held := process_memory()) is not None]
    limits = [limit + int(min(swap, more)) for limit, _, _, more in _containers()]
    return min([*([] if machine is None else [machine + swap]), *limits, *own], default=None)


def process_memory() -> int | None:
    """Counts the bytes of memory that this process holds; None: unknown."""
    return _of_process("VmRSS")


def peak_memory() -> int | None:
    """Counts the most bytes that this process ever held, or has since :func:`forget_peak`; None: unknown."""
    return _of_process("VmHWM")


def forget_peak() -> bool:
    """Lets :func:`peak_memory` count from now on; returns whether the system does so."""
    try:
        (PROCESS / "clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return False
    return True


def _of_machine(key: str) -> int | None:
    return _kibibytes(MEMORY, key)


def _of_process(key: str) -> int | None:
    return _kibibytes(PROCESS / "status", key)


def _kibibytes(path: Path, key: str) -> int | None:
    """Bytes of a line ``key: n kB``."""
    found = [line.split()[1] for line in _lines(path) if line.startswith(f"{key}:")]
    return int(found[0]) * 1024 if found else None


def _own_limits() -> Iterator[tuple[int, int]]:
    """Limits of this process that are set, of addresses and of data, each with what is used of it."""
    try:
        resource: Any = import_module("resource")
    except ImportError:  # not on Windows
        return
    for name, key in (("RLIMIT_AS", "VmSize"), ("RLIMIT_DATA", "VmData")):
        limit = resource.getrlimit(getattr(resource, name))[0]
        used = _of_process(key)
        if limit != resource.RLIM_INFINITY and used is not None:
            yield limit, used


def _free_in_containers() -> list[int]:
    return [limit - used + cached for limit, used, cached, _ in _containers()]


def _containers() -> Iterator[tuple[int, int, int, float]]:
    """Limit, use, what of that is page cache, and swap, of the groups that this process is in and that have a limit.

    The page cache counts as used, and is given back when it is needed. Swap without a limit is infinite.
    """
    for folder in _groups("", CGROUP):
        for found in _read_group(folder, ("memory.max", "memory.current", "inactive_file")):
            yield *found, _limit(folder / "memory.swap.max")
    for folder in _groups("memory", CGROUP / "memory"):
        for found in _read_group(folder, ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")):
            # Version 1 limits memory and swap together.
            yield *found, max(0, _limit(folder / "memory.memsw.limit_in_bytes") - found[0])


def _limit(path: Path) -> float:
    """The number in a file of a control group; infinite where there is none."""
    found = "".join(_lines(path)).strip()
    return int(found) if found.isdecimal() else math.inf


def _groups(controller: str, root: Path) -> Iterator[Path]:
    """Folders of this process's group and of those above it, up to the root that is mounted here.

    Args:
        controller: Of version 1; "" for version 2.
        root: Where its groups are mounted; in a container that may be the group itself.
    """
    paths = [line.split(":", 2) for line in _lines(PROCESS / "cgroup")]
    own = next((path for _, names, path in paths if controller in names.split(",")), "/")
    inside = root / own.strip("/")
    for folder in (inside, *inside.parents):
        if folder.is_dir():
            yield folder
        if folder == root:
            return


def _read_group(folder: Path, names: tuple[str, str, str]) -> Iterator[tuple[int, int, int]]:
    try:
        limit, used = ((folder / name).read_text(encoding="ascii").strip() for name in names[:2])
    except OSError:
        return
    if limit == "max":
        return
    cached = [line.split()[1] for line in _lines(folder / "memory.stat") if line.startswith(f"{names[2]} ")]
    yield int(limit), int(used), sum(map(int, cached))


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return []


def gib(size: int | None) -> str:
    """Formats a number of bytes: ``1.2 GiB``, ``64 MiB``."""
    if size is None:
        return "an unknown amount"
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.0f} MiB"


def oom_kills() -> int | None:
    """Counts the processes of this one's control group that were ended for lack of memory; None: it does not say."""
    events = [folder / "memory.events" for folder in _groups("", CGROUP)]
    events += [folder / "memory.oom_control" for folder in _groups("memory", CGROUP / "memory")]
    for path in events:
        for line in _lines(path):
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return None
