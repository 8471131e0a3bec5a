"""A comparison as a compact table for the terminal."""

from collections.abc import Sequence

from segexp.reporting import values
from segexp.reporting.comparison.configuration import Configuration
from segexp.reporting.comparison.contest import Contest
from segexp.reporting.comparison.find import LeftOut
from segexp.reporting.comparison.grid import Cell, Grid, Head, spread_cell
from segexp.reporting.comparison.spread import mean_of
from segexp.reporting.comparison.tables import interval_text

LONGEST = 44
"""Letters of a name, so that the table fits a terminal."""


def as_text(contests: Sequence[Contest], notes: Sequence[str], left_out: Sequence[LeftOut]) -> str:
    """Tables, notes and what is left out."""
    blocks = [_grid(contest).as_table().as_text() for contest in contests]
    blocks.append("\n".join(f"note: {note}" for note in notes))
    blocks.append("\n".join(_left_out(left_out)))
    return "\n\n".join(block for block in blocks if block)


def _left_out(left_out: Sequence[LeftOut]) -> list[str]:
    """A line each; trials that a search has ended early, which may be most of them, in one."""
    pruned = sum(entry.state == "pruned" for entry in left_out)
    lines = [f"left out: {entry}" for entry in left_out if entry.state != "pruned"]
    return [*lines, f"left out: {pruned} pruned trial{'s' if pruned > 1 else ''}"] if pruned else lines


def _grid(contest: Contest) -> Grid:
    measure = contest.measure
    heads = [Head("configuration", number=False), Head("n"), Head(measure.label)]
    heads += (
        [Head(f"to {'the best' if contest.base is contest.rows[0] else 'base'} [95 %]")] if contest.differences else []
    )
    heads += [Head("parameters"), Head("training")]
    title = f"{contest.letter}: {contest.title}" if contest.letter else contest.title
    return Grid(title, heads, [_cells(contest, row) for row in contest.rows])


def _cells(contest: Contest, row: Configuration) -> list[Cell]:
    measure, found = contest.measure, contest.measure.of(row)
    name = row.name if len(row.name) <= LONGEST else row.name[: LONGEST - 1] + "…"
    seconds = row.seconds
    best = row.name in contest.best(measure.headline)
    return [
        Cell(name),
        Cell(str(len(row.repeats))),
        spread_cell(found, measure.digits, best=best),
        *([_difference(contest, row)] if contest.differences else []),
        Cell(values.count(row.parameters)),
        Cell(values.duration(mean_of(seconds))),
    ]


def _difference(contest: Contest, row: Configuration) -> Cell:
    found = contest.differences.get(row.name)
    if found is None:
        return Cell("base")
    digits = contest.measure.digits
    if found.mean is None:
        return Cell(values.ABSENT)
    return Cell(f"{found.mean:+.{digits}f} {interval_text(found, digits)}")
