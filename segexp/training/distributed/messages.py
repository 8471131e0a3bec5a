"""Messages between the ranks of a training and the process that started them, as files of a folder."""

import json
import os
import pickle
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path

from segexp.config.experiment import Experiment
from segexp.errors import SegexpError
from segexp.training.distributed.plan import BOARD

LOST = (
    "Connection closed",
    "Connection reset",
    "Broken pipe",
    "gloo",
    "NCCL",
    "ProcessGroup",
    "TCPStore",
    "DistBackend",
)
"""Words of the errors that a rank gets when another one is gone."""


class RankError(SegexpError):
    """A rank has ended the training."""

    def __init__(self, text: str, exit_code: int = 1) -> None:
        super().__init__(text)
        self.exit_code = exit_code


@dataclass(frozen=True)
class Report:
    """The error that ended a rank.

    Attributes:
        rank: Which.
        when: Seconds of the machine's clock since its start, the same for all processes.
        text: The error.
        code: Exit code.
        trace: Python's trace; empty where there is none.
        ours: Whether the text says all, or the trace is needed.
        lost: Whether it only speaks of another rank that is gone.
    """

    rank: int
    when: float
    text: str
    code: int = 1
    trace: str = ""
    ours: bool = True
    lost: bool = False


class Board:
    """The folder; every message is a file that appears whole."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def here(cls) -> "Board | None":
        """The board of this rank; None where segexp has not started it."""
        path = os.environ.get(BOARD)
        return None if path is None else cls(Path(path))

    def write_job(self, experiment: Experiment) -> None:
        """Writes what the ranks have to do; it travels as a plain config."""
        (self.path / "job").write_bytes(pickle.dumps((experiment.plain(), experiment.invocation)))

    def read_job(self) -> Experiment:
        """Reads what the ranks have to do."""
        return Experiment.from_plain(*pickle.loads((self.path / "job").read_bytes()))

    @property
    def store(self) -> Path:
        """The file by which the ranks find each other."""
        return self.path / "store"

    @property
    def interrupted(self) -> int:
        """Number of the signal that asked the training to end; 0: none did."""
        place = self.path / "interrupted"
        return int(place.read_text(encoding="utf-8")) if place.exists() else 0

    def interrupt(self, number: int) -> None:
        """Notes a signal that asks to end, before any rank is told, or by the rank that it reached: the first one."""
        if not self.interrupted:
            self._write("interrupted", str(number))

    @property
    def folder(self) -> Path | None:
        """The run folder, once there is one."""
        place = self.path / "folder"
        return Path(place.read_text(encoding="utf-8")) if place.exists() else None

    def record_run_dir(self, folder: Path) -> None:
        """Says where the run folder is."""
        self._write("folder", str(folder.resolve()))

    def report(self, rank: int, error: BaseException) -> int:
        """Notes what ended a rank, and gives its exit code."""
        text = str(error) if isinstance(error, SegexpError) else f"{type(error).__name__}: {error}"
        code = error.exit_code if isinstance(error, SegexpError) else 1
        trace = "".join(traceback.format_exception(error))
        self.add(Report(rank, time.monotonic(), text, code, trace, isinstance(error, SegexpError), is_lost(error)))
        return code

    def add(self, report: Report) -> None:
        """Notes how a rank ended."""
        self._write(f"ended_{report.rank}.json", json.dumps(asdict(report)))

    def reports(self) -> list[Report]:
        """All notes so far, the earliest first."""
        found = [json.loads(path.read_text(encoding="utf-8")) for path in self.path.glob("ended_*.json")]
        return sorted((Report(**content) for content in found), key=lambda report: report.when)

    def cause(self) -> Report | None:
        """The report on what ended the training: the first that is not just about another rank being gone."""
        reports = self.reports()
        return next((report for report in reports if not report.lost), reports[0] if reports else None)

    def _write(self, name: str, text: str) -> None:
        handle, temporary = tempfile.mkstemp(dir=self.path, prefix=".")
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        Path(temporary).replace(self.path / name)


def is_lost(error: BaseException) -> bool:
    """Returns whether an error only says that another rank is gone."""
    if isinstance(error, OtherRank):
        return True
    return not isinstance(error, SegexpError) and any(word in str(error) for word in LOST)


class OtherRank(RankError):
    """Another rank has ended the training."""
