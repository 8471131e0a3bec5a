"""Where a sweep takes its jobs from: a grid has them from the start, a search asks for each when a place is free."""

from collections import deque
from typing import Protocol

from segexp.sweeps.manifest import Entry, Manifest


class JobSource(Protocol):
    """The jobs to come."""

    total: int
    """How many there are in all, those that have ended included."""
    notes: list[str]
    """Lines to show once."""

    def more(self) -> bool:
        """Tells whether there may be another job."""
        ...

    def take(self, count: int) -> list[int]:
        """Up to ``count`` jobs to start now, by number; they stand in the manifest."""
        ...

    def left(self) -> bool:
        """Tells whether the command to go on would have something to do."""
        ...

    def ended(self, entry: Entry) -> None:
        """A job has ended, as the manifest on the disk says already."""
        ...


class GridSource:
    """Every job of the manifest that has not finished, in order."""

    def __init__(self, manifest: Manifest) -> None:
        self._manifest = manifest
        self._waiting = deque(entry.number for entry in manifest.of("waiting", "interrupted", "failed"))
        self.total = len(manifest.entries)
        self.notes: list[str] = []

    def more(self) -> bool:
        """Tells whether there may be another job."""
        return bool(self._waiting)

    def take(self, count: int) -> list[int]:
        """The next ones."""
        return [self._waiting.popleft() for _ in range(min(count, len(self._waiting)))]

    def left(self) -> bool:
        """Tells whether the command to go on would have something to do."""
        return self._manifest.count("finished") < self.total

    def ended(self, entry: Entry) -> None:
        """Nothing: the others do not depend on it."""
