"""Methods of runs that are compared: what all have in common once, what differs by configuration."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.comparison_page.configurations.settings import FOLD
from segexp.report.comparison_page.search import Search
from segexp.report.markdown import escape_text, format_code
from segexp.report.methods.described_run import DescribedRun, join_words
from segexp.report.methods.paragraph import Member, write_methods


def write_comparison_methods(
    out: Path, title: str, groups: Sequence[ComparisonGroup], searches: Sequence[Search] = ()
) -> list[Path]:
    """Writes ``methods.md`` and ``references.bib`` of all runs of a comparison.

    Args:
        out: The folder.
        title: Of the comparison.
        groups: Rows by test set.
        searches: Those that the runs are trials of.

    Raises:
        OSError: The folder cannot be written.
    """
    members = [
        Member(DescribedRun(run.contents), f"{group.letter}: {row.name}" if group.letter else row.name, repeat)
        for group in groups
        for row in group.rows
        for run, repeat in _repeats(row)
    ]
    return write_methods(
        out, f"{len(members)} runs, {escape_text(title)}", members, [*_searched(searches), *_repeated(groups)]
    )


def _repeats(row: Configuration) -> Iterator[tuple[ComparedRun, str]]:
    """Runs of a configuration, each with its seed and its fold; with its folder where those are of several runs."""
    named = [
        (run, f"seed {repeat.seed}" + (f", fold {run.config.get(FOLD, 0)}" if len(repeat.runs) > 1 else ""))
        for repeat in row.repeats
        for run in repeat.runs
    ]
    count = Counter(name for _, name in named)
    for run, name in named:
        yield run, name if count[name] == 1 else f"{name}, {run.path.name}"


def _searched(searches: Sequence[Search]) -> Iterator[str]:
    for search in searches:
        yield (
            f"Settings were searched with Optuna [@akiba2019] in {len(search.trials)} trials, judged by "
            f"{format_code(search.monitor)} on the validation images."
        )


def _repeated(groups: Sequence[ComparisonGroup]) -> Iterator[str]:
    """Sentences on seeds, and on how configurations are compared."""
    rows = [row for group in groups for row in group.rows]
    seeds = {tuple(repeat.seed for repeat in row.repeats) for row in rows}
    several = any(len(found) > 1 for found in seeds)
    if len(seeds) == 1:
        (found,) = seeds
        yield f"Every configuration was trained with the seed{'s' * several} {join_words([*map(escape_text, found)])}."
    elif several:
        counts = sorted({len(found) for found in seeds})
        yield f"Configurations were trained with {counts[0]} to {counts[-1]} seeds each."
    if several:
        yield "Measures are means over the seeds with their standard deviation (n - 1)."
    if any(group.differences for group in groups):
        yield (
            f"Configurations are compared by {escape_text(groups[0].measure.label)}, image by image (of several seeds "
            "the mean of each image first), with bootstrap intervals of the mean difference over the test images and "
            "two-sided p-values of sign flips, corrected for their number after Holm."
        )
