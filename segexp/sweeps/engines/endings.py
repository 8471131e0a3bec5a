"""How jobs on other machines ended, from the files that they leave."""

from pathlib import Path

from segexp.sweeps.engines.base import Ended
from segexp.sweeps.engines.process import signal_name
from segexp.sweeps.layout import JobFiles


class JobEndings:
    """Tells what a job wrote in this start from what it wrote in an earlier one."""

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._before: dict[int, int | None] = {}

    def expect(self, number: int) -> None:
        """A job is about to be handed over."""
        place = JobFiles(self._sweep, number)
        self._before[number] = place.outcome_stamp()
        place.forget_process()

    def has_ended(self, number: int) -> bool:
        """Tells whether a job has said how it ended, and its process is gone.

        A process that was killed says nothing for certain: its cluster may have put the job back into the queue.
        """
        place = JobFiles(self._sweep, number)
        return "code" in place.process() and self._said(place)

    def read(self, number: int, error: str = "") -> Ended:
        """Gives how a job ended, from its files.

        Args:
            number: The job.
            error: What is known where the job itself said nothing.
        """
        place = JobFiles(self._sweep, number)
        facts = place.process()
        code = facts.get("code")
        error = "" if self._said(place) else error or _why(code)
        self._before.pop(number, None)
        return Ended(number, code, facts.get("seconds"), facts.get("memory_mb"), error or None)

    def _said(self, place: JobFiles) -> bool:
        stamp = place.outcome_stamp()
        return stamp is not None and stamp != self._before.get(place.number)


def _why(code: int | None) -> str:
    if code is None:
        return "its process is gone"
    return signal_name(code) if code < 0 else f"exit code {code}"
