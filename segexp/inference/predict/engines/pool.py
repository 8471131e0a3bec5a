"""Hands files one by one to workers that may die: nothing is lost, nothing is done for ever."""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from segexp.errors import SegexpError
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.worker import FileResult
from segexp.runs.console import LOG


class PoolError(SegexpError):
    """No worker can be had any more."""


class LostError(SegexpError):
    """A worker is gone, and with it what it was about to do."""


class WorkerBackend(Protocol):
    """Starts workers elsewhere; a worker, and a ticket of its work, may be anything hashable."""

    def start_worker(self) -> tuple[Any, Any]:
        """Starts a worker; gives it and the ticket of its getting ready."""
        ...

    def submit(self, worker: Any, file: Input, *, overwrite: bool) -> Any:
        """Gives a file to a worker, which has one at a time; ``overwrite``: also if its predictions are complete."""
        ...

    def wait(self, tickets: Sequence[Any]) -> Sequence[Any]:
        """Waits until some tickets have ended, and gives them.

        Raises:
            PoolError: All workers are gone.
        """
        ...

    def result(self, ticket: Any) -> FileResult | None:
        """Gives the result of a ticket that has ended; None: the worker is ready.

        Raises:
            LostError: Its worker is gone.
        """
        ...

    def stop_worker(self, worker: Any) -> None:
        """Ends a worker, if it is not gone already."""
        ...

    def remove_partial(self, file: Input) -> None:
        """Removes what a lost worker has left of a file."""
        ...


@dataclass(frozen=True)
class PendingFile:
    """A file to predict, and the number of workers that were lost with it."""

    file: Input
    lost: int = 0


class Pool:
    """Gives each worker the next file as soon as it is free, so that none waits for another's large raster."""

    def __init__(self, backend: WorkerBackend, size: int, *, retries: int, overwrite: bool) -> None:
        """Hires nobody yet.

        Args:
            backend: Starts and ends workers.
            size: How many at a time.
            retries: How often a file is begun again after its worker was lost, and a worker is hired again that did
                not get ready.
            overwrite: Whether complete predictions are made again.
        """
        self.backend, self.size, self.retries, self.overwrite = backend, size, retries, overwrite
        self._waiting: deque[PendingFile] = deque()
        self._busy: dict[Any, tuple[Any, PendingFile | None]] = {}
        self._never_ready = 0

    @property
    def under_way(self) -> list[Input]:
        """Files that workers are predicting."""
        return [task.file for _, task in self._busy.values() if task is not None]

    def run(self, files: Sequence[Input]) -> Iterator[FileResult]:
        """Predicts files and yields the result of each, in the order in which they end.

        Raises:
            PoolError: No worker gets ready, or all are gone.
        """
        self._waiting.extend(PendingFile(file) for file in files)
        for _ in range(min(self.size, len(files))):
            self._hire()
        while self._waiting or self.under_way:
            for ticket in self.backend.wait(list(self._busy)):
                yield from self._ended(ticket)

    def _hire(self) -> None:
        worker, ticket = self.backend.start_worker()
        self._busy[ticket] = (worker, None)

    def _ended(self, ticket: Any) -> Iterator[FileResult]:
        worker, task = self._busy.pop(ticket)
        try:
            outcome = self.backend.result(ticket)
        except LostError as error:
            self.backend.stop_worker(worker)
            yield from self._lost(task, str(error))
            return
        self._never_ready = 0
        self._next(worker)
        if outcome is not None:
            yield outcome

    def _next(self, worker: Any) -> None:
        if not self._waiting:
            self.backend.stop_worker(worker)
            return
        task = self._waiting.popleft()
        # A lost worker may have finished the file, and not have said what it saw.
        self._busy[self.backend.submit(worker, task.file, overwrite=self.overwrite or task.lost > 0)] = (worker, task)

    def _lost(self, task: PendingFile | None, why: str) -> Iterator[FileResult]:
        if task is None:
            self._never_ready += 1
            LOG.warning(f"engine=ray: a process did not get its model ready: {why}")
            if self._never_ready > self.retries:
                if not self._busy:
                    raise PoolError(f"engine=ray: no process gets its model ready: {why}")
                return  # the others go on
        else:
            self.backend.remove_partial(task.file)
            yield from self._again(replace(task, lost=task.lost + 1), why)
        if self._waiting:
            self._hire()

    def _again(self, task: PendingFile, why: str) -> Iterator[FileResult]:
        if task.lost <= self.retries:
            LOG.warning(f"{task.file}: its process was lost ({why}); begun again")
            self._waiting.appendleft(task)
            return
        times = f"lost {task.lost} times" if task.lost > 1 else "lost"
        yield FileResult(task.file, "failed", error=f"{task.file}: its process was {times}, at last: {why}")
