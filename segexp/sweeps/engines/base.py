"""The small interface behind ``sweep.engine``: what an engine of jobs does, and what it says about them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from segexp.config.experiment import Experiment
from segexp.errors import SegexpError


class SweepError(SegexpError):
    """The sweep itself cannot go on."""


@dataclass(frozen=True)
class Ended:
    """A job that has ended.

    Attributes:
        number: Which.
        code: Exit code, negative after a signal; None where the engine does not know it.
        seconds: How long it ran.
        memory_mb: Most memory that it used.
        error: Why it ended where it could not say so itself; what it said before no longer counts.
    """

    number: int
    code: int | None = None
    seconds: float | None = None
    memory_mb: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class Started:
    """A job that was handed over; ``gpu`` where the engine chose one."""

    number: int
    gpu: str | None = None


class JobEngine(Protocol):
    """Runs ``run_job`` for each job somewhere; manifest, resume and table are not its business.

    What a job leaves in the sweep's folder says how it ended, see :mod:`segexp.sweeps.layout`; an engine only says
    when to look.
    """

    places: int
    """How many jobs it takes at a time."""
    facts: Mapping[str, Any]
    """For the manifest: what a sweep that goes on should keep."""
    notes: list[str]
    """Lines to show once."""

    def expect(self, number: int, experiment: Experiment) -> None:
        """Tells of a job that was not known when the engine was made, before it is started."""
        ...

    def start(self, numbers: Sequence[int]) -> list[Started]:
        """Starts jobs, at most as many as places are free."""
        ...

    def wait(self, seconds: float) -> list[Ended]:
        """Jobs that have ended; waits for one at most that long.

        Raises:
            SweepError: The engine itself is gone.
        """
        ...

    def interrupt(self) -> None:
        """Ctrl-C to all jobs: they keep their last epoch and end."""
        ...

    def kill(self) -> None:
        """Ends all jobs at once."""
        ...

    def close(self) -> None:
        """Frees what the engine holds; no job runs any more."""
        ...
