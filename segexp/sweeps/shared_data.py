"""Data that several jobs use, read once by the fork server; the jobs see its memory without a copy of their own."""

import logging
from collections.abc import Collection
from pathlib import Path

from segexp.data.reading import forget_data, keep_data
from segexp.errors import SegexpError
from segexp.sweeps.layout import JobFiles
from segexp.training.building.datamodule import build_datamodule

LOG = logging.getLogger("segexp.sweeps")


class SharedData:
    """Holds what jobs that are still waiting need too."""

    def __init__(self, sweep: Path) -> None:
        self._sweep = sweep
        self._held: dict[str, bytes | None] = {}

    def prepare(self, number: int, data: str, later: Collection[str]) -> None:
        """Called before a job is forked.

        Args:
            number: The job.
            data: Hash of its data section.
            later: Those of jobs that wait behind it, as far as it or one before it has them.
        """
        for old in [name for name in self._held if name != data and name not in later]:
            if (key := self._held.pop(old)) is not None:
                forget_data(key)
        if data in later and data not in self._held:
            self._held[data] = self._read(number)

    def _read(self, number: int) -> bytes | None:
        """Reads the data of a job and keeps them; what is wrong with the files, the job finds and says itself."""
        try:
            job = JobFiles(self._sweep, number).read().experiment
            return keep_data(build_datamodule(job.datamodule, job.augment, job.resume))
        except SegexpError:
            return None
        except Exception as error:
            LOG.info(f"job {number}: its data cannot be read in advance: {type(error).__name__}: {error}")
            return None
