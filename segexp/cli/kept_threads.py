"""The number of threads of an earlier run: sums of a training, and so its last digits, depend on it."""

import os
from collections.abc import Mapping
from typing import Any

from segexp.system.cores import CORES

MOST = 1024
"""More are taken from no run folder: it may be anybody's."""


def recorded_threads(record: Mapping[str, Any]) -> int | None:
    """Gives the number of threads that run.json tells, from 1 to :data:`MOST`; None where it tells no such number."""
    found = record.get("threads")
    return found if isinstance(found, int) and not isinstance(found, bool) and 1 <= found <= MOST else None


def kept_threads(recorded: int | None) -> int | None:
    """Gives the threads that a run takes which repeats one, or goes on with it; None: OMP_NUM_THREADS has decided."""
    return recorded if _given() is None else None


def other_threads(recorded: int | None) -> tuple[str, ...]:
    """Gives the note of a run whose threads, by OMP_NUM_THREADS, are others than those of the run it repeats."""
    given = _given()
    if recorded is None or given is None or given == recorded:
        return ()
    return (
        f"OMP_NUM_THREADS={given}, but that run had threads={recorded}: the last digits of a training depend on it",
    )


def _given() -> int | None:
    """What whoever typed the command has set; a sweep sets it for its jobs, and :data:`CORES` with it."""
    text = os.environ.get("OMP_NUM_THREADS", "")
    return int(text) if text.isdigit() and int(text) > 0 and CORES not in os.environ else None
