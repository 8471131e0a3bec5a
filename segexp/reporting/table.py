"""Results as tables: the same cells for the terminal and for the report."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from segexp.reporting import values

OF_DATASET = (
    ("IoU", "iou"),
    ("Dice", "dice"),
    ("precision", "precision"),
    ("recall", "recall"),
    ("specificity", "specificity"),
)
"""Columns of the class table that come from the pixels of all images together."""
OF_IMAGES = (("IoU", "iou"), ("Dice", "dice"))
"""Columns that are means over images."""


@dataclass(frozen=True)
class Table:
    """Header and rows of text; the first ``text_columns`` columns are words, the others values.

    Attributes:
        title: What the table is about.
        header: One name per column.
        rows: Cells, as many per row as the header has.
        text_columns: How many columns from the left are aligned as words.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    text_columns: int = 1

    def as_text(self) -> str:
        """Aligned columns under a rule, words to the left and numbers to the right."""
        lines = [self.header, *self.rows]
        widths = [max(len(line[column]) for line in lines) for column in range(len(self.header))]
        drawn = [self._line(line, widths) for line in lines]
        rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
        return "\n".join([self.title, "", drawn[0], rule, *drawn[1:]])

    def _line(self, cells: tuple[str, ...], widths: list[int]) -> str:
        aligned = [
            cell.ljust(width) if column < self.text_columns else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(aligned).rstrip()


def class_table(results: Mapping[str, Any]) -> Table:
    """Each class of the model: IoU, Dice, precision, recall, specificity over all pixels; means over images.

    Args:
        results: Content of results.json.

    Returns:
        One row per class and one for the mean; ``-`` where a measure is undefined or missing.
    """
    row = values.model_row(results)
    rows = [
        (
            name,
            *(values.measure(values.inner(row, "dataset", key, name)) for _, key in OF_DATASET),
            *(values.measure(values.inner(row, "image", key, name)) for _, key in OF_IMAGES),
        )
        for name in values.classes_of(results)
    ]
    means = [values.measure(values.inner(row, "dataset", key)) for key in ("miou", "mdice")]
    blank = [""] * (len(OF_DATASET) - len(means))
    of_images = [values.measure(values.inner(row, "image", key)) for key in ("miou", "mdice")]
    rows.append(("mean", *means, *blank, *of_images))
    header = ("class", *(name for name, _ in OF_DATASET), *(f"{name} per image" for name, _ in OF_IMAGES))
    return Table(_title(results, row), header, tuple(rows))


def _title(results: Mapping[str, Any], row: Mapping[str, Any]) -> str:
    parts = [str(row.get("name") or "model")]
    split = values.inner(results, "split", "name")
    images = values.inner(results, "split", "images")
    if split:
        parts.append(f"{split} split" + (f" ({images} images)" if images is not None else ""))
    where = values.inner(results, "task", "where")
    return ", ".join([*parts, str(where)] if where else parts)


def rows_table(results: Mapping[str, Any]) -> Table:
    """The model beside what it has to beat: one line per row of results.json, over all pixels.

    Args:
        results: Content of results.json.

    Returns:
        Columns accuracy, mean IoU, mean Dice, Dice of the second of two classes, AUC, AP; ``-`` where a
        measure is undefined or missing.
    """
    paths: list[tuple[str, tuple[str, ...]]] = [
        ("accuracy", ("accuracy",)),
        ("mean IoU", ("miou",)),
        ("mean Dice", ("mdice",)),
    ]
    foreground = values.foreground_of(results)
    if foreground is not None:
        paths.append((f"Dice {foreground}", ("dice", foreground)))
    paths += [("AUC", ("auc",)), ("AP", ("ap",))]
    rows = tuple(
        (
            values.plain(row.get("name")),
            str(row.get("note") or ""),
            *(values.measure(values.inner(row, "dataset", *path)) for _, path in paths),
        )
        for row in values.rows_of(results)
    )
    return Table("comparison", ("method", "note", *(name for name, _ in paths)), rows, text_columns=2)


def results_table(results: Mapping[str, Any]) -> str:
    """Results of a run for the terminal.

    Args:
        results: Content of results.json; unknown keys are passed over, missing ones give ``-``.

    Returns:
        The class table of the model, then the comparison of all rows and what stands behind each of them, without a
        line feed at the end.
    """
    blocks = [class_table(results).as_text(), _without_notes(rows_table(results)).as_text(), _notes(results)]
    return "\n\n".join(block for block in blocks if block)


def _without_notes(table: Table) -> Table:
    """The comparison as it fits a terminal of 80 to 100 columns; notes are long."""
    keep = [0, *range(2, len(table.header))]
    rows = tuple(tuple(row[place] for place in keep) for row in table.rows)
    return Table(table.title, tuple(table.header[place] for place in keep), rows, text_columns=1)


def _notes(results: Mapping[str, Any]) -> str:
    return "\n".join(f"{row.get('name')}: {row['note']}" for row in values.rows_of(results) if row.get("note"))
