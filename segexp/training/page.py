"""The page at the end of a run."""

from pathlib import Path

from segexp.config.quoting import command_line, typed
from segexp.reporting.report import write_report
from segexp.run.console import LOG


def write_page(folder: Path) -> str:
    """Writes the report of a run; whatever is wrong with the page, the run and its figures stand.

    Args:
        folder: The run folder; its results are written.

    Returns:
        Where the report lies, or that there is none.
    """
    try:
        return str(write_report(folder))
    except Exception as error:
        again = command_line(["report", typed("run", str(folder))])
        LOG.error(f"the report could not be written: {type(error).__name__}: {error}; to try again: {again}")
        return "none, see above"
