"""The commands compare and report."""

from typing import Any

from segexp.config.checked import checked
from segexp.invocation import Invocation


def run_compare(config: Any, invocation: Invocation) -> None:
    """Writes and prints the comparison of several runs."""
    from segexp.config.command_schema import CompareConfig

    plain = checked(config, CompareConfig)
    from segexp.report.comparison_page.compare import compare, place_of

    found = compare(plain["runs"], plain["measure"], plain["base"], plain["resamples"], plain["seed"])
    print(found.text())  # noqa: T201 - the command's answer
    files = found.write(place_of(plain["runs"], plain["out"]))
    print("\n" + "\n".join(map(str, files)))  # noqa: T201


def run_report(config: Any, invocation: Invocation) -> None:
    """Makes pages again from run folders."""
    from segexp.config.command_schema import ReportConfig

    plain = checked(config, ReportConfig)
    from segexp.report.rebuild import write_reports

    pages, failed = write_reports(plain["run"], plain["figures"])
    print("\n".join([*map(str, pages), *(f"no page: {line}" for line in failed)]))  # noqa: T201 - the command's answer
    if plain["open"]:
        import webbrowser

        webbrowser.open(pages[-1].resolve().as_uri())
