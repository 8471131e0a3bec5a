"""All figures of all predictors, whatever they are: the table of tasks that have none of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

from segexp.report import values
from segexp.report.labels import column_heading, described
from segexp.report.table import Table
from segexp.runs import entries

Path = tuple[str, ...]


def figures_table(results: Mapping[str, Any]) -> Table:
    """One line per row of results.json, one column per figure of the data set; ↓ where less is better.

    Args:
        results: Content of results.json.

    Returns:
        Cells with the interval in brackets where there is one; ``-`` where a figure is undefined.
    """
    paths = list(dict.fromkeys(path for row in entries.rows_of(results) for path in _leaves(row.get("dataset"))))
    rows = tuple(
        (values.format_plain(row.get("name")), str(row.get("note") or ""), *(_cell(row, path) for path in paths))
        for row in entries.rows_of(results)
    )
    return Table("comparison", ("method", "note", *(_head(results, path) for path in paths)), rows, text_columns=2)


def _leaves(block: object, above: Path = ()) -> Iterator[Path]:
    """Paths of the numbers of a block."""
    for name, value in block.items() if isinstance(block, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, str(name)))
        else:
            yield (*above, str(name))


def _head(results: Mapping[str, Any], path: Path) -> str:
    spec = described(results, path[0])
    return column_heading(" ".join((spec.label, *path[1:])), spec)


def _cell(row: Mapping[str, Any], path: Path) -> str:
    value, interval = (entries.get_in(row, *block, *path) for block in (("dataset",), ("interval", "dataset")))
    ends = [values.format_measure(end, 3) for end in interval] if isinstance(interval, list) else []
    return values.format_measure(value) + (f" [{ends[0]}, {ends[1]}]" if len(ends) == 2 else "")
