"""How errors are said: one line for the user, a trace for a fault of the program."""

import sys
import traceback
from pathlib import Path

from segexp.errors import SegexpError
from segexp.runs.text import readable


def say_exception(error: Exception, *, debug: bool) -> None:
    """One line where the system refused (memory, open files, disk); a trace where it is a fault of the program."""
    from segexp.system.causes import cause_of, describe_cause

    cause = cause_of(error, Path.cwd())
    if cause is None or debug:
        traceback.print_exception(error)
    if cause is not None:
        say_error(SegexpError(describe_cause(cause)))


def say_error(error: SegexpError) -> None:
    """Prints an error to stderr, each of its lines with the name of the program; what terminals obey is escaped."""
    # Names of files and texts of strangers may hold what a terminal obeys.
    for line in readable(str(error)).split("\n"):
        print(f"segexp: {line}" if not line.startswith(" ") else line, file=sys.stderr)
