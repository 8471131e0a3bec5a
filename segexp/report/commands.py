"""The commands compare and report."""

from typing import Any

from segexp.config.composed import checked
from segexp.errors import ConfigError
from segexp.invocation import Invocation
from segexp.runs.text import printable, readable


def run_compare(config: Any, invocation: Invocation) -> None:
    """Writes and prints the comparison of several runs."""
    from segexp.config.command_schema import CompareConfig

    asked = checked(config, CompareConfig)
    from segexp.report.comparison_page.compare import compare, summary_folder

    found = compare(
        asked.runs, asked.measure, asked.base, asked.resamples, asked.seed, rows=asked.rows, columns=asked.columns
    )
    print(readable(found.text()))  # noqa: T201 - the command's answer
    out = summary_folder(asked.runs, asked.out)
    files = [*found.write(out, asked.write), *found.write_charts(out, asked.charts)]
    print("\n" + "\n".join(printable(str(file)) for file in files))  # noqa: T201


def run_report(config: Any, invocation: Invocation) -> None:
    """Writes pages, figures and methods from run folders."""
    from segexp.config.command_schema import ReportConfig

    asked = checked(config, ReportConfig)
    if not asked.write and not asked.charts:
        raise ConfigError("write: found [], and charts: []; expected something to write, such as write=[html]")
    if asked.open and "html" not in asked.write:
        raise ConfigError(f"open: found true, but write={asked.write} makes no page; add html, or leave open out")
    from segexp.report.rebuild import write_reports

    files, failed = write_reports(asked.run, asked.charts, asked.pages, asked.write)
    lines = [*map(str, files), *(f"not made: {line}" for line in failed)]
    print("\n".join(map(printable, lines or ["no page is missing"])))  # noqa: T201 - the command's answer
    if asked.open and files:
        import webbrowser

        webbrowser.open(files[-1].resolve().as_uri())
