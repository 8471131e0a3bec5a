"""A comparison as a compact table for the terminal."""

from collections.abc import Sequence

from segexp.report import values
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.spread import mean_of
from segexp.report.comparison_page.factors import FactorTable
from segexp.report.comparison_page.output.grid import Cell, Grid, Head, spread_cell
from segexp.report.comparison_page.output.tables import factor_grid, interval_text
from segexp.runs.find import LeftOut
from segexp.runs.text import readable, shortened

LONGEST = 44
"""Letters of a name, so that the table fits a terminal."""


def as_text(
    groups: Sequence[ComparisonGroup],
    notes: Sequence[str],
    left_out: Sequence[LeftOut],
    factors: Sequence[FactorTable | None] = (),
) -> str:
    """Tables, notes and what is left out."""
    blocks = [part for group in groups for part in (_grid(group).as_table().as_text(), _names(group))]
    pairs = zip(groups, factors, strict=False)
    blocks += [factor_grid(group, table).as_table().as_text() for group, table in pairs if table is not None]
    blocks.append("\n".join(f"note: {note}" for note in notes))
    blocks.append("\n".join(_left_out(left_out)))
    return "\n\n".join(readable(block) for block in blocks if block)


def _label(group: ComparisonGroup, place: int) -> str:
    """A name that fits; of one that does not, what sets it apart is told below the table by its number."""
    name = group.rows[place].name
    if len(name) <= LONGEST:
        return name
    mark = f" ({place + 1})"
    return shortened(name, LONGEST - len(mark)) + mark


def _names(group: ComparisonGroup) -> str:
    """The names that were cut."""
    long = [(place, row.name) for place, row in enumerate(group.rows) if len(row.name) > LONGEST]
    return "\n".join(f"({place + 1}) {name}" for place, name in long)


def _left_out(left_out: Sequence[LeftOut]) -> list[str]:
    """A line each; trials that a search has ended early, which may be most of them, in one."""
    pruned = sum(entry.state == "pruned" for entry in left_out)
    lines = [f"left out: {entry}" for entry in left_out if entry.state != "pruned"]
    return [*lines, f"left out: {pruned} pruned trial{'s' if pruned > 1 else ''}"] if pruned else lines


def _grid(group: ComparisonGroup) -> Grid:
    measure = group.measure
    # The mean over images, of which the difference is one; the page has the figure over all pixels too.
    heads = [Head("configuration", number=False), Head("n"), Head(measure.label_by_image)]
    best = group.base is group.best_row
    heads += [Head(f"to {'the best' if best else 'base'} [95 %]")] if group.differences else []
    heads += [Head("parameters"), Head("training")]
    title = f"{group.letter}: {group.title}" if group.letter else group.title
    return Grid(title, heads, [_cells(group, place) for place in range(len(group.rows))])


def _cells(group: ComparisonGroup, place: int) -> list[Cell]:
    measure, row = group.measure, group.rows[place]
    best = row.name in group.best(measure.by_image)
    return [
        Cell(_label(group, place), minor=f"({', '.join(found.verdict for found in row.beaten)})" * bool(row.beaten)),
        Cell(str(len(row.repeats))),
        spread_cell(group.reached(row), measure.digits, best=best),
        *([_difference(group, row)] if group.differences else []),
        Cell(values.format_count(row.parameters)),
        Cell(values.format_duration(mean_of(row.seconds))),
    ]


def _difference(group: ComparisonGroup, row: Configuration) -> Cell:
    found = group.differences.get(row.name)
    if found is None:
        return Cell("base")
    digits = values.digits_of_interval(found.interval, group.measure.digits)
    if found.mean is None:
        return Cell(values.ABSENT)
    return Cell(f"{found.mean:+.{digits}f} {interval_text(found, digits)}")
