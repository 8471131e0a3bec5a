"""report.html of a run that goes on: it refreshes itself in the browser until the final page takes its place."""

import math
import time
from collections.abc import Callable, Mapping, Sequence

from segexp.errors import RunFolderGoneError
from segexp.report.run_page.page import REPORT, render_report
from segexp.report.run_page.progress import Progress
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder
from segexp.system.causes import reason_of
from segexp.training.estimate.duration import ends, in_words

MOST_SHARE = 0.02
"""Of the time of a training that writing the page may take; the first one, which compiles templates, is free."""


class LiveReport:
    """Writes the page at the end of an epoch, where enough time has passed since it was written last."""

    def __init__(self, folder: RunFolder, seconds: float | None) -> None:
        """Starts the clock: the first page is written so many seconds from now.

        Args:
            folder: Of the run.
            seconds: The key ``trainer.live_report``: least time between two writings; None: none is written.
        """
        self._folder = folder
        self._seconds = seconds
        self._last = time.monotonic()
        self._took: float | None = None

    def update(self, progress: Callable[[], Progress]) -> None:
        """Writes the page unless the last one is too fresh; whatever is wrong with it, the training goes on.

        Args:
            progress: Says how far the training is; called where a page is due alone.

        Raises:
            RunFolderGoneError: Nothing can be written any more.
        """
        if self._seconds is None or time.monotonic() - self._last < max(self._seconds, (self._took or 0) / MOST_SHARE):
            return
        begun = time.monotonic()
        try:
            self._folder.write_text(REPORT, render_report(self._folder.path, progress()))
        except RunFolderGoneError:
            raise
        except Exception as error:
            self._seconds = None
            LOG.warning(f"report.html is not written while training ({reason_of(error)})")
        self._last = time.monotonic()
        self._took = 0.0 if self._took is None else self._last - begun


def find_progress(
    rows: Sequence[Mapping[str, float]],
    epochs: int | None,
    left: float | None,
    monitor: str,
    sign: int,
    least: float | None,
) -> Progress:
    """Says how far a training is.

    Args:
        rows: Of the table of epochs, in order; the last one has just ended.
        epochs: Planned; None: nobody knows.
        left: Seconds that are left to train; None: unknown.
        monitor: Measure that chooses the checkpoint.
        sign: 1 where more of it is better, else -1.
        least: Seconds between two writings of the page at least.
    """
    judged = [(sign * row[monitor], -row["epoch"]) for row in rows if math.isfinite(row.get(monitor, math.nan))]
    took = rows[-1].get("seconds")
    facts = [] if took is None else [f"{in_words(took)} an epoch"]
    if left is not None:
        told = ", ".join(filter(None, (f"about {in_words(left)} left to train", ends(left))))
        facts.append(told if left > 0 else "the test follows")
    best = -int(max(judged)[1]) if judged else None
    return Progress(int(rows[-1]["epoch"]) + 1, epochs, max(took or 0.0, least or 0.0), monitor, best, tuple(facts))
