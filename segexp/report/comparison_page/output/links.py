"""Relative addresses of the pages of runs."""

import os
from pathlib import Path
from urllib.parse import quote

from segexp.report.run_page.page import REPORT
from segexp.runs.paths import path_inside


def report_link(run: Path, out: Path) -> str:
    """Relative address of the report in a run folder, from the folder ``out``; empty where there is none."""
    report = path_inside(run, REPORT)
    if report is None or not report.is_file():
        return ""
    try:
        relative = os.path.relpath(report.resolve(), out.resolve())
    except ValueError:
        # Another drive on Windows.
        return report.resolve().as_uri()
    return quote(Path(relative).as_posix())
