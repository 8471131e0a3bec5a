"""The page at the end of a run."""

import json
from pathlib import Path

from segexp.config.overrides.quoting import command_line, hydra_override
from segexp.errors import one_line
from segexp.report.run_page.page import write_report
from segexp.runs.console import LOG
from segexp.runs.folder import RunFolder


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
        what, line = f"{type(error).__name__}: {error}", one_line(error)
    # Not in the handler: the error holds all that the page was made of, and memory may be what was short.
    again = command_line(["report", hydra_override("run", str(folder))])
    LOG.error(f"the report could not be written: {what}; to try again: {again}")
    _keep({"what": "report.html", "error": line, "again": again}, folder)
    return "none, see above"


def _keep(entry: dict[str, str], folder: Path) -> None:
    """Adds to run.json what could not be made; where that fails too, the line has said it."""
    try:
        content = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        RunFolder(folder).write_json("run.json", {**content, "not_made": [*content.get("not_made", []), entry]})
    except (OSError, ValueError, MemoryError):
        return
