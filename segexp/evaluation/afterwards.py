"""What is made once the figures of a test are on the disk: each thing by itself, so that one costs no other."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import RunFolderGoneError, one_line
from segexp.runs.console import LOG
from segexp.runs.record import RunRecord
from segexp.system.causes import reason_of

T = TypeVar("T")


def report_line(folder: Path) -> str:
    """The command that makes page, curves and matrices of a run again from its files."""
    return command_line(["report", hydra_override("run", str(folder))])


def evaluate_line(folder: Path) -> str:
    """The command that tests a run again, with all files and pictures of a test."""
    return command_line(["evaluate", hydra_override("run", str(folder))])


@dataclass
class Afterwards:
    """Makes one thing after the other, and keeps what could not be made.

    Attributes:
        folder: The run folder, which holds results.json.
        again: The command that makes again what needs the model.
        tests: Whether that command tests the model.
        complete: Whether results.json holds every figure of the test.
        not_made: What could not be made, for run.json: ``what``, ``error``, and ``again``, a command.
    """

    folder: Path
    again: str
    tests: bool = True
    complete: bool = False
    not_made: list[dict[str, str]] = field(default_factory=list)

    def make(self, what: str, work: Callable[[], T], *, from_files: bool = False) -> T | None:
        """Does a piece of work; where it fails, a line says what is missing and how it is made again.

        Args:
            what: Will be there, in words.
            work: Makes it.
            from_files: Whether ``segexp report`` makes it again, without model and data.

        Returns:
            What ``work`` gives; None: it failed.
        """
        again = report_line(self.folder) if from_files else self.again
        try:
            return work()
        except Exception as error:  # whatever a library raises, the figures stand
            self.note(what, error, again)
        except BaseException:
            self.not_made.append({"what": f"{what}, and what comes after", "error": "interrupted", "again": again})
            raise
        return None

    def note(self, what: str, error: BaseException, again: str) -> None:
        """Keeps, and says, that something could not be made."""
        message = one_line(error)
        self.not_made.append({"what": what, "error": message, "again": again})
        LOG.error(f"not made: {what} ({message}); all else stands, in {self.folder}; to make it: {again}")

    def summary(self) -> str:
        """The last line of a run in which only pictures are missing."""
        missing = ", ".join(entry["what"] for entry in self.not_made) or "the page"
        again = self.not_made[-1]["again"] if self.not_made else report_line(self.folder)
        return f"interrupted after the test: all figures are in {self.folder}, not made: {missing}; to make it: {again}"


def end(record: RunRecord, state: str, after: Afterwards, **facts: Any) -> None:
    """Records the end of a run with what could not be made; a full disk costs that record alone."""
    more = {"not_made": after.not_made} if after.not_made else {}
    try:
        record.end(state, **more, **facts)
    except (OSError, RunFolderGoneError) as error:
        LOG.error(f"run.json: cannot be written ({reason_of(error)}); it does not say that the run is {state}")
