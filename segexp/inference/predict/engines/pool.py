"""Files handed out one by one to workers that may die: nothing is lost, nothing is done for ever."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from segexp.errors import SegexpError
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.worker import Outcome
from segexp.runs.console import LOG


class PoolError(SegexpError):
    """No worker can be had any more."""


class LostError(SegexpError):
    """A worker is gone, and with it what it was about to do."""


class Crew(Protocol):
    """Workers somewhere else. A worker and a ticket, of one thing that a worker does, may be anything hashable."""

    def hire(self) -> tuple[Any, Any]:
        """A new worker, and the ticket of its getting ready."""
        ...

    def begin(self, worker: Any, file: Input, *, anew: bool) -> Any:
        """The ticket of a file; a worker has one at a time. ``anew``: also if its predictions are complete."""
        ...

    def ended(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Some that have ended; waits for one.

        Raises:
            PoolError: All workers are gone.
        """
        ...

    def result(self, ticket: Any) -> Outcome | None:
        """What came of it; None: the worker is ready.

        Raises:
            LostError: Its worker is gone.
        """
        ...

    def dismiss(self, worker: Any) -> None:
        """Ends a worker, if it is not gone already."""
        ...

    def clean(self, file: Input) -> None:
        """Removes what a lost worker has left of a file."""
        ...


@dataclass(frozen=True)
class Task:
    """A file, and how many workers were lost with it."""

    file: Input
    lost: int = 0


class Pool:
    """Gives each worker the next file as soon as it is free, so that none waits for another's large raster."""

    def __init__(self, crew: Crew, size: int, *, retries: int, anew: bool) -> None:
        """Hires nobody yet.

        Args:
            crew: Where workers come from.
            size: How many at a time.
            retries: How often a file is begun again after its worker was lost, and a worker is hired again that did
                not get ready.
            anew: Whether complete predictions are made again.
        """
        self.crew, self.size, self.retries, self.anew = crew, size, retries, anew
        self._waiting: deque[Task] = deque()
        self._busy: dict[Any, tuple[Any, Task | None]] = {}
        self._never_ready = 0

    @property
    def under_way(self) -> list[Input]:
        """Files that workers are at."""
        return [task.file for _, task in self._busy.values() if task is not None]

    def run(self, files: Sequence[Input]) -> Iterator[Outcome]:
        """What became of each file, in the order in which they end.

        Raises:
            PoolError: No worker gets ready, or all are gone.
        """
        self._waiting.extend(Task(file) for file in files)
        for _ in range(min(self.size, len(files))):
            self._hire()
        while self._waiting or self.under_way:
            for ticket in self.crew.ended(list(self._busy)):
                yield from self._ended(ticket)

    def _hire(self) -> None:
        worker, ticket = self.crew.hire()
        self._busy[ticket] = (worker, None)

    def _ended(self, ticket: Any) -> Iterator[Outcome]:
        worker, task = self._busy.pop(ticket)
        try:
            outcome = self.crew.result(ticket)
        except LostError as error:
            self.crew.dismiss(worker)
            yield from self._lost(task, str(error))
            return
        self._never_ready = 0
        self._next(worker)
        if outcome is not None:
            yield outcome

    def _next(self, worker: Any) -> None:
        if not self._waiting:
            self.crew.dismiss(worker)
            return
        task = self._waiting.popleft()
        # A lost worker may have finished the file, and not have said what it saw.
        self._busy[self.crew.begin(worker, task.file, anew=self.anew or task.lost > 0)] = (worker, task)

    def _lost(self, task: Task | None, why: str) -> Iterator[Outcome]:
        if task is None:
            self._never_ready += 1
            LOG.warning(f"engine=ray: a process did not get its model ready: {why}")
            if self._never_ready > self.retries:
                if not self._busy:
                    raise PoolError(f"engine=ray: no process gets its model ready: {why}")
                return  # the others go on
        else:
            self.crew.clean(task.file)
            yield from self._again(replace(task, lost=task.lost + 1), why)
        if self._waiting:
            self._hire()

    def _again(self, task: Task, why: str) -> Iterator[Outcome]:
        if task.lost <= self.retries:
            LOG.warning(f"{task.file}: its process was lost ({why}); begun again")
            self._waiting.appendleft(task)
            return
        times = f"lost {task.lost} times" if task.lost > 1 else "lost"
        yield Outcome(task.file, "failed", error=f"{task.file}: its process was {times}, at last: {why}")
