"""summary.tex: the tables of a comparison for a thesis or a paper: few columns, three digits, as wide as the text."""

import math
import re
from collections.abc import Iterable, Iterator, Sequence

from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.figures import Figure
from segexp.report.comparison_page.factors import FactorTable, few_seeds
from segexp.report.comparison_page.notes import too_narrow
from segexp.report.comparison_page.output.base_text import base_reason, explained_p_values
from segexp.report.comparison_page.output.latex_grid import grid_as_latex
from segexp.report.comparison_page.output.tables import (
    differences_grid,
    effects_grid,
    factor_grid,
    figures_grid,
    main_figures,
)
from segexp.report.comparison_page.search import Search
from segexp.report.latex import escape_breakable, escape_comment, escape_latex
from segexp.report.run_page.decided import decided
from segexp.runs import entries

HEAD = r"""% Tables of booktabs: \usepackage{booktabs} in the preamble, \input{summary} where they belong.
% Made by segexp from run folders; made anew, it is written over. summary.csv has all measures with all digits.
"""
MOST_FIGURES = 3
"""Columns of figures: a table of results is read for few."""
MOST_DIGITS = 6
WHOLE_IMAGES = "test images"
"""What a task of whole images is said to be tested on, which the caption says by itself."""


def as_latex(
    title: str,
    groups: Sequence[ComparisonGroup],
    notes: Sequence[str],
    factors: Sequence[FactorTable | None],
    searches: Sequence[Search] = (),
) -> str:
    """Results, differences and, where asked for, two keys against each other, of each test set.

    Args:
        title: Of the comparison.
        groups: Rows by test set.
        notes: What a reader must know; comments of the file.
        factors: Of each group its table of two keys, or None.
        searches: Those that the runs are trials of.
    """
    warning = few_seeds(groups)
    titles = [f"{group.letter or 'tested on'}: {group.title}" for group in groups]
    lines = dict.fromkeys([title, *titles, *notes, *([warning] if warning else [])])
    parts = [HEAD + "\n".join(f"% {escape_comment(line)}" for line in lines)]
    for group, table in zip(groups, factors, strict=True):
        parts += _tables(group, table, searches)
    return "\n\n".join(parts) + "\n"


def _tables(group: ComparisonGroup, table: FactorTable | None, searches: Sequence[Search]) -> Iterator[str]:
    end = f":{group.letter.lower()}" if group.letter else ""
    on = _tested_on(group)
    figures = main_figures(group, per_image=not group.measure.pooled)[:MOST_FIGURES]
    grid = figures_grid(group, figures, {figure: _of_column(group, figure) for figure in figures})
    yield grid_as_latex(grid, f"Test measures{on}.", f"results{end}", _results_notes(group))
    measure = escape_breakable(group.measure.label_by_image)
    digits = _digits([row.mean for row in map(group.reached, group.rows) if row], group.measure.unit)
    if group.differences:
        means = [found.mean for found in group.differences.values() if found.mean is not None]
        grid = differences_grid(group, max(digits, _digits(means, group.measure.unit) - 1)).without("images")
        to = escape_breakable(group.base.name)
        yield grid_as_latex(
            grid, f"Differences in {measure} to {to}{on}.", f"differences{end}", _differences_notes(group, searches)
        )
    if table is not None:
        grid = factor_grid(group, table, digits)
        yield grid_as_latex(grid, f"{escape_breakable(grid.title)}{on}.", f"factors{end}")
        if table.effects:
            grid = effects_grid(group, table, digits)
            yield grid_as_latex(grid, f"{escape_breakable(grid.title)}{on}.", f"effects{end}")


def _tested_on(group: ComparisonGroup) -> str:
    tested = group.rows[0].tested
    of = f" of {escape_breakable(group.data_set)}" if group.data_set else ""
    where = f", {escape_breakable(tested.where)}" if tested.where not in ("", WHOLE_IMAGES) else ""
    return f" on {len(tested.images)} test image{'s' * (len(tested.images) != 1)}{of}{where}"


def _of_column(group: ComparisonGroup, figure: Figure) -> int:
    """Decimals of a column of figures."""
    found = [row.figures[figure].mean for row in group.rows if figure in row.figures]
    return _digits(found, entries.to_text(entries.get_in(group.rows[0].runs[0].results, "units", figure.measure)))


def _digits(found: Iterable[float], unit: str) -> int:
    """Decimals that give the largest value three digits; of shares at least three, of distances one."""
    largest = max((abs(value) for value in found), default=0.0)
    least = 1 if unit else 3
    return least if largest == 0 else min(MOST_DIGITS, max(least, 2 - math.floor(math.log10(largest))))


def _results_notes(group: ComparisonGroup) -> list[str]:
    over = "Mean $\\pm$ standard deviation over n seeds. " if any(len(row.repeats) > 1 for row in group.rows) else ""
    bold = (
        "Rows are in the order of validation; no test measure is marked."
        if group.searched
        else "The best of a column is bold, unless a trivial predictor beats it."
    )
    at = escape_breakable(decided([run.results for row in group.rows for run in row.runs]))
    return [f"{over}{bold} {at}".strip()]


def _differences_notes(group: ComparisonGroup, searches: Sequence[Search]) -> list[str]:
    how = (
        "Paired by test image, mean over the images; 95\\,\\% bootstrap interval, two-sided p-values of sign flips, "
        "corrected for their number after Holm; better, worse: on how many images."
    )
    base = f"The base is {escape_breakable(base_reason(group, searches))}."
    power = re.compile(r"2/2\\textasciicircum\{\}(\d+)")
    explained = power.sub(r"$2/2^{\1}$", escape_latex(explained_p_values(group)))
    # What has to be known of them stands in print: comments of the file are read by nobody.
    few = [*too_narrow(group), *([warning] if (warning := few_seeds([group])) else [])]
    return [" ".join([how, base, *([explained] if explained else []), *map(escape_latex, few)])]
