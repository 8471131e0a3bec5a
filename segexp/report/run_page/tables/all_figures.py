"""All figures of all predictors, whatever they are: the table of tasks that have none of their own."""

from collections.abc import Iterator, Mapping
from typing import Any

from segexp.report import values
from segexp.report.labels import head_of
from segexp.report.table import Table
from segexp.runs import entries

Path = tuple[str, ...]


def figures_table(results: Mapping[str, Any]) -> Table:
    """One line per row of results.json, one column per figure of the data set; ↓ where less is better.

    Figures of single classes, and their means, are left out: :func:`class_figures_table` has them.

    Args:
        results: Content of results.json.

    Returns:
        Cells with the interval in brackets where there is one; ``-`` where a figure is undefined.
    """
    of_class = {"mean", *_figures_of_classes(results)}
    paths = [path for path in _paths(results) if path[0] not in of_class]
    rows = tuple(
        (values.format_plain(row.get("name")), str(row.get("note") or ""), *(_cell(row, path) for path in paths))
        for row in entries.rows_of(results)
    )
    return Table("comparison", ("method", "note", *(_head(results, path) for path in paths)), rows, text_columns=2)


def class_figures_table(results: Mapping[str, Any]) -> Table | None:
    """Figures of the model by class, a line each, with their intervals; None where there are none.

    Args:
        results: Content of results.json.
    """
    names, row = _figures_of_classes(results), entries.model_row(results)
    if not names:
        return None
    classes, counts = entries.classes_of(results), _true_images(results)
    rows = [(part, *(_cell(row, (name, part)) for name in names)) for part in classes]
    header = ("class", *(head_of(results, name) for name in names))
    if len(counts) == len(classes):
        header = (*header, "images")
        rows = [(*cells, values.format_count(count)) for cells, count in zip(rows, counts, strict=True)]
    return Table("measures of each class", header, tuple(rows))


def _figures_of_classes(results: Mapping[str, Any]) -> list[str]:
    """Figures of the model that have a value for each class."""
    classes = set(entries.classes_of(results))
    found = entries.get_in(entries.model_row(results), "dataset")
    return [
        str(name)
        for name, block in (found.items() if isinstance(found, Mapping) else ())
        if name != "mean" and isinstance(block, Mapping) and classes and set(block) == classes
    ]


def _true_images(results: Mapping[str, Any]) -> list[int]:
    """How many test images are of each class, by the confusion matrix; empty where there is none."""
    counts = results.get("confusion")
    return [sum(line) for line in counts] if isinstance(counts, list) else []


def _paths(results: Mapping[str, Any]) -> list[Path]:
    """Paths of all figures of all rows."""
    return list(dict.fromkeys(path for row in entries.rows_of(results) for path in _leaves(row.get("dataset"))))


def _leaves(block: object, above: Path = ()) -> Iterator[Path]:
    """Paths of the numbers of a block."""
    for name, value in block.items() if isinstance(block, Mapping) else ():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*above, str(name)))
        else:
            yield (*above, str(name))


def _head(results: Mapping[str, Any], path: Path) -> str:
    return " ".join([head_of(results, path[0]), *path[1:]])


def _cell(row: Mapping[str, Any], path: Path) -> str:
    value, interval = (entries.get_in(row, *block, *path) for block in (("dataset",), ("interval", "dataset")))
    return values.format_with_interval(value, interval)
