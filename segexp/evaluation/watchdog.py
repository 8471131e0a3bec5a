"""Tells when a training or test does not get on: for what it waits, and with the stacks of all threads in the log."""

import contextlib
import faulthandler
import logging
import threading
import time
from collections.abc import Iterator
from typing import Any, TextIO

from lightning.pytorch.callbacks import Callback

from segexp.data.sampling.worker_board import busy_workers
from segexp.runs.console import LOG

_LOOKS = 20
"""Looks in the time after which something is told."""
_ADVICE = {
    "data": "a network drive that is gone, or a file that a library cannot get done with; "
    "datamodule.loader.num_workers=0 reads without other processes",
    "step": "a long one is no fault: trainer.watchdog=<minutes> waits longer, null for ever",
    "checkpoint": "a disk or network drive that does not answer",
}


class Watchdog(Callback):
    """Tells once when nothing has moved for so long, and once more when it goes on; it never ends anything."""

    def __init__(self, minutes: float | None) -> None:
        """Waits for ``minutes``; None: it tells nothing."""
        self._limit = None if minutes is None else 60.0 * minutes
        self._what, self._advice = "the first batch", "data"
        self._since = time.monotonic()
        self._told = False
        self._over = threading.Event()
        self._thread: threading.Thread | None = None

    # ---- what is waited for

    def expect(self, what: str, kind: str) -> None:
        """Notes that something was reached, and what is waited for now.

        Args:
            what: In words.
            kind: ``data``, ``step`` or ``checkpoint``.
        """
        if self._told:
            LOG.info(f"it goes on, after {_minutes(time.monotonic() - self._since)} without progress")
        self._what, self._advice, self._since, self._told = what, kind, time.monotonic(), False

    @contextlib.contextmanager
    def during(self, what: str, kind: str) -> Iterator[None]:
        """Something is waited for in this context, and what was before after it."""
        before = (self._what, self._advice)
        self.expect(what, kind)
        try:
            yield
        finally:
            self.expect(*before)

    def message(self) -> str | None:
        """Gives the line that the watchdog has to say now; None: it has none."""
        seconds = time.monotonic() - self._since
        if self._limit is None or self._told or seconds < self._limit:
            return None
        busy = busy_workers()[:1] if self._advice == "data" else []
        doing = f"; longest at work, for {_minutes(busy[0].seconds)}: {busy[0]}" if busy else ""
        return (
            f"no progress for {_minutes(seconds)}: waiting for {self._what}{doing}. It may be {_ADVICE[self._advice]}. "
            "It goes on waiting; the stacks of all threads are in log.txt"
        )

    # ---- the thread that looks

    def start(self) -> None:
        """Starts to look."""
        if self._limit is None or self._thread is not None:
            return
        self._over.clear()
        thread = threading.Thread(target=self._look, args=(self._limit / _LOOKS,), daemon=True)
        # Where there is no memory for a thread, the training itself shall say so.
        with contextlib.suppress(RuntimeError, MemoryError):
            thread.start()
            self._thread = thread

    def stop(self) -> None:
        """Looks no more."""
        self._over.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _look(self, seconds: float) -> None:
        while not self._over.wait(seconds):
            if (message := self.message()) is not None:
                self._told = True
                LOG.warning(message)
                for stream in _log_files():
                    faulthandler.dump_traceback(stream, all_threads=True)

    # ---- hooks of Lightning

    def setup(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Starts with the loop."""
        self.expect("the first batch", "data")
        self.start()

    def teardown(self, trainer: Any, pl_module: Any, stage: str) -> None:
        """Ends with the loop."""
        self.stop()

    def on_exception(self, trainer: Any, pl_module: Any, exception: BaseException) -> None:
        """Ends with an error, after which Lightning tears nothing down."""
        self.stop()

    def on_train_batch_start(self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int) -> None:
        """The data are there."""
        self.expect(f"step {batch_idx + 1} of epoch {trainer.current_epoch + 1}", "step")

    def on_train_batch_end(self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The step is done."""
        self.expect(f"the data of batch {batch_idx + 2} of epoch {trainer.current_epoch + 1}", "data")

    def on_train_epoch_end(self, trainer: Any, pl_module: Any) -> None:
        """The epoch is done."""
        self.expect(f"the end of epoch {trainer.current_epoch + 1}", "step")

    def on_train_epoch_start(self, trainer: Any, pl_module: Any) -> None:
        """The next one begins."""
        self.expect(f"the data of batch 1 of epoch {trainer.current_epoch + 1}", "data")

    def on_validation_start(self, trainer: Any, pl_module: Any) -> None:
        """Validation begins."""
        self.expect("the first validation images", "data")

    def on_validation_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The images are there."""
        self.expect(f"the outputs of validation batch {batch_idx + 1}", "step")

    def on_validation_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The outputs are there."""
        self.expect(f"the images of validation batch {batch_idx + 2}", "data")

    def on_validation_end(self, trainer: Any, pl_module: Any) -> None:
        """Validation is done."""
        self.expect("what follows the validation", "step")

    def on_test_batch_start(
        self, trainer: Any, pl_module: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The images are there."""
        self.expect(f"the outputs of test batch {batch_idx + 1}", "step")

    def on_test_batch_end(
        self, trainer: Any, pl_module: Any, outputs: Any, batch: Any, batch_idx: int, dataloader_idx: int = 0
    ) -> None:
        """The outputs are there."""
        self.expect(f"the images of test batch {batch_idx + 2}", "data")


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} minutes" if seconds >= 90 else f"{seconds:.0f} seconds"


def _log_files() -> list[TextIO]:
    """Files that the lines of the run are written into."""
    return [handler.stream for handler in LOG.handlers if isinstance(handler, logging.FileHandler) and handler.stream]
