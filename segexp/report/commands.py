"""The commands compare and report."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segexp.config.composed import checked
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.runs.text import printable, readable


def run_compare(config: Any, invocation: Invocation) -> None:
    """Writes and prints the comparison of several runs."""
    from segexp.config.command_schema import CompareConfig

    asked = checked(config, CompareConfig)
    _check_open(asked.open, asked.write)
    from segexp.report.comparison_page.compare import compare, summary_folder

    found = compare(
        asked.runs, asked.measure, asked.base, asked.resamples, asked.seed, rows=asked.rows, columns=asked.columns
    )
    print(readable(found.text()))  # noqa: T201 - the command's answer
    out = summary_folder(asked.runs, asked.out)
    files = [*found.write(out, asked.write), *found.write_charts(out, asked.charts)]
    print("\n" + "\n".join(printable(str(file)) for file in files))  # noqa: T201
    if asked.open:
        _show(next(file for file in files if file.suffix == ".html"))


def run_report(config: Any, invocation: Invocation) -> None:
    """Writes pages, figures and methods from run folders."""
    from segexp.config.command_schema import ReportConfig

    asked = checked(config, ReportConfig)
    if not asked.write and not asked.charts:
        raise ConfigError("write: found [], and charts: []; expected something to write, such as write=[html]")
    _check_open(asked.open, asked.write)
    from segexp.report.rebuild import write_reports

    files, failed = write_reports(asked.run, asked.charts, asked.pages, asked.write)
    lines = [*map(str, files), *(f"not made: {line}" for line in failed)]
    print("\n".join(map(printable, lines or ["no page is missing"])))  # noqa: T201 - the command's answer
    if asked.open and files:
        _show(files[-1])


def _check_open(asked: bool, write: Sequence[str]) -> None:
    if asked and "html" not in write:
        raise ConfigError(f"open: found true, but write={list(write)} makes no page; add html, or leave open out")


def _show(page: Path) -> None:
    import webbrowser

    webbrowser.open(page.resolve().as_uri())
