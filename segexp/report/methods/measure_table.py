"""All measures of runs as a Markdown table; a sentence names a few of them at most."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.report.markdown import escape_text
from segexp.report.overall_figures import OverallFigure, overall_figures
from segexp.report.values import ABSENT, digits_of_interval, format_measure

MOST_NAMED = 3
"""Measures that a sentence names; of more, a table does."""


def measure_table(results: Sequence[Mapping[str, Any]]) -> str:
    """Rows of measure, meaning and, of a single run, its figure on the test images with its interval.

    Args:
        results: Content of results.json of each run.

    Returns:
        Empty where a sentence can name them all.
    """
    found: dict[str, OverallFigure] = {}
    for content in results:
        found = {figure.name: figure for figure in overall_figures(content)} | found
    if len(found) <= MOST_NAMED:
        return ""
    alone = len(results) == 1
    heads = ["measure", *(["test images", "interval"] if alone else []), "better", "what it is"]
    marks = ["---", *(["---:", ":---:"] if alone else []), "---", "---"]
    rows = [heads, marks, *(_cells(figure, alone=alone) for figure in found.values())]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def _cells(figure: OverallFigure, *, alone: bool) -> list[str]:
    digits = digits_of_interval(figure.interval, min(3, figure.digits))
    value = [format_measure(figure.value, digits), _interval(figure, digits)] if alone else []
    way = "lower" if figure.lower else "higher"
    return [escape_text(figure.label), *value, way, escape_text(figure.meaning)]


def _interval(figure: OverallFigure, digits: int) -> str:
    if figure.interval is None:
        return ABSENT
    return " to ".join(format_measure(end, digits) for end in figure.interval)
