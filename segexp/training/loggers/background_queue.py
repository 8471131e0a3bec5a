"""Calls to a server that must not hold up training: made one after the other by a thread of their own."""

import queue
import threading
import time
from collections.abc import Callable

from segexp.runs.console import LOG

Call = Callable[[], None]


class BackgroundQueue:
    """Takes calls at once and makes them later, in order; the first that fails ends it with one line."""

    def __init__(self, name: str) -> None:
        """Starts the thread.

        Args:
            name: Of the service, for the line.
        """
        self._name = name
        self._calls: queue.SimpleQueue[Call | None] = queue.SimpleQueue()
        self.failed = False
        # A daemon: a call that never returns must not keep the program alive.
        self._thread = threading.Thread(target=self._work, name=f"{name} queue", daemon=True)
        self._thread.start()

    def put(self, call: Call) -> None:
        """Takes a call."""
        if not self.failed:
            self._calls.put(call)

    def drain(self, seconds: float) -> None:
        """Waits until all calls so far are made, but not longer than ``seconds``; a service that is gone is left."""
        done = threading.Event()
        self.put(done.set)
        end = time.monotonic() + seconds
        while not (self.failed or done.wait(0.05)) and time.monotonic() < end:
            continue

    def close(self, seconds: float) -> None:
        """Waits until all calls are made, but not longer than ``seconds``."""
        self._calls.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            self.failed = True
            LOG.warning(f"{self._name}: not everything was sent within {seconds:g} s; metrics.csv holds the figures")

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            if self.failed:
                continue
            try:
                call()
            except Exception as error:  # whatever the service raises, the run goes on
                self.failed = True
                line = (str(error).strip().splitlines() or [type(error).__name__])[0]
                LOG.warning(f"{self._name}: nothing more is logged there ({line}); metrics.csv holds the figures")
