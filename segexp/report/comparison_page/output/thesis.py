"""summary.tex: the tables of a comparison for a thesis or a paper."""

from collections.abc import Iterator, Sequence

from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.factors import FactorTable, few_seeds
from segexp.report.comparison_page.output.tables import differences_grid, effects_grid, factor_grid, results_grid
from segexp.report.latex import escape_comment, escape_latex
from segexp.report.run_page.decided import decided

HEAD = r"""% Tables of booktabs: \usepackage{booktabs} in the preamble, \input{summary} where they belong.
% Made by segexp from run folders; made anew, it is written over.
"""


def as_latex(
    title: str, groups: Sequence[ComparisonGroup], notes: Sequence[str], factors: Sequence[FactorTable | None]
) -> str:
    """Results, differences and, where asked for, two keys against each other, of each test set.

    Args:
        title: Of the comparison.
        groups: Rows by test set.
        notes: What a reader must know; comments of the file.
        factors: Of each group its table of two keys, or None.
    """
    warning = few_seeds(groups)
    lines = dict.fromkeys([title, *notes, *([warning] if warning else [])])
    parts = [HEAD + "\n".join(f"% {escape_comment(line)}" for line in lines)]
    for group, table in zip(groups, factors, strict=True):
        parts += _tables(group, table)
    return "\n\n".join(parts) + "\n"


def _tables(group: ComparisonGroup, table: FactorTable | None) -> Iterator[str]:
    end = f":{group.letter.lower()}" if group.letter else ""
    seeds = sorted({len(row.repeats) for row in group.rows})
    over = "" if seeds == [1] else "mean $\\pm$ standard deviation over n seeds; "
    bold = "rows by validation" if group.searched else "best in bold"
    at = escape_latex(decided([run.results for row in group.rows for run in row.runs]))
    caption = f"{escape_latex(group.title)}. Test figures: {over}{bold}. {at}".strip()
    # Times of machines are not what a table of results is read for.
    yield results_grid(group).without("training", "samples/s").as_latex(caption, f"results{end}")
    if group.differences:
        grid = differences_grid(group)
        caption = (
            f"{escape_latex(grid.title)}, paired by test image; 95\\,\\% bootstrap interval, two-sided p-values of "
            "sign flips, corrected for their number after Holm."
        )
        yield grid.without("images").as_latex(caption, f"differences{end}")
    if table is not None:
        grid = factor_grid(group, table)
        yield grid.as_latex(f"{escape_latex(grid.title)}.", f"factors{end}")
        if table.effects:
            grid = effects_grid(group, table)
            yield grid.as_latex(f"{escape_latex(grid.title)}.", f"effects{end}")
