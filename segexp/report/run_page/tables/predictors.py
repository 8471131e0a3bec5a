"""The model beside what it has to beat, and all tables of a run for the terminal."""

from collections.abc import Mapping
from typing import Any

from segexp.report import values
from segexp.report.labels import head_of, name_of
from segexp.report.run_page.tables.all_figures import class_figures_table, figures_table
from segexp.report.run_page.tables.classes import overlap_table, probability_table, shape_table
from segexp.report.run_page.tables.image_groups import groups_table
from segexp.report.run_page.tables.references import reference_table
from segexp.report.run_page.trivial import beaten_by
from segexp.report.table import Table
from segexp.runs import entries

Path = tuple[str, ...]


def predictor_table(results: Mapping[str, Any]) -> Table:
    """The model beside what it has to beat: one line per row of results.json, over all pixels.

    Args:
        results: Content of results.json.

    Returns:
        Columns accuracy, mean IoU, mean Dice, Dice of the second of two classes, AUC, AP, MCC and, as the mean over
        images, the Hausdorff distance; ``-`` where a measure is undefined or missing.
    """
    columns = _columns(results)
    rows = tuple(
        (
            values.format_plain(row.get("name")),
            str(row.get("note") or ""),
            *(_cell(row, block, path, digits) for _, block, path, digits in columns),
        )
        for row in entries.rows_of(results)
    )
    return Table("comparison", ("method", "note", *(name for name, *_ in columns)), rows, text_columns=2)


def _columns(results: Mapping[str, Any]) -> list[tuple[str, str, Path, int]]:
    """Head, block, path and digits of each column."""
    foreground = entries.foreground_of(results)
    paths: list[tuple[str, Path]] = [("accuracy", ("accuracy",)), ("mean IoU", ("miou",)), ("mean Dice", ("mdice",))]
    if foreground is not None:
        paths.append((f"Dice {foreground}", ("dice", foreground)))
    paths += [("AUC", ("auc",)), ("AP", ("ap",))]
    row = entries.model_row(results)
    if entries.get_in(row, "dataset", "mcc_overall") is not None:
        paths.append(("MCC" if foreground is not None else name_of("mcc_overall", results), ("mcc_overall",)))
    columns = [(name, "dataset", path, 4) for name, path in paths]
    image = entries.get_in(row, "image")
    distances = [name for name in image if name.startswith("hd")] if isinstance(image, Mapping) else []
    return columns + [(head_of(results, name), "image", ("mean", name), 2) for name in distances]


def _cell(row: Mapping[str, Any], block: str, path: Path, digits: int) -> str:
    value = entries.get_in(row, block, *path)
    # Of more than two classes there is an area per class.
    value = entries.get_in(row, block, "mean", *path) if isinstance(value, Mapping) else value
    return values.format_measure(value, digits)


def results_table(results: Mapping[str, Any]) -> str:
    """Results of a run for the terminal.

    Args:
        results: Content of results.json; unknown keys are passed over, missing ones give ``-``.

    Returns:
        Of a segmentation the class tables of the model, its figures by group where there are groups, then the
        comparison of all rows, those that beat the model, and what stands behind each row, without a line feed at the
        end; of other tasks the comparison with every figure, and the model's figures of each class where there are any.
    """
    if entries.task_kind(results) != entries.SEGMENTATION:
        by_class = class_figures_table(results)
        shown = [_without_notes(figures_table(results)), *([by_class] if by_class is not None else [])]
        beaten = "\n".join(f"the model is {found}" for found in beaten_by([results]))
        blocks = [*(table.as_text() for table in shown), beaten, _notes(results), _references(results)]
        return "\n\n".join(block for block in blocks if block)
    tables = [overlap_table(results), shape_table(results), probability_table(results), groups_table(results)]
    blocks = [table.as_text() for table in tables if table is not None]
    beaten = "\n".join(f"the model is {found}" for found in beaten_by([results]))
    blocks += [_without_notes(predictor_table(results)).as_text(), beaten, _notes(results), _references(results)]
    return "\n\n".join(block for block in blocks if block)


def _without_notes(table: Table) -> Table:
    """The comparison as it fits a terminal of 80 to 100 columns; notes are long."""
    keep = [0, *range(2, len(table.header))]
    rows = tuple(tuple(row[place] for place in keep) for row in table.rows)
    return Table(table.title, tuple(table.header[place] for place in keep), rows, text_columns=1)


def _notes(results: Mapping[str, Any]) -> str:
    return "\n".join(f"{row.get('name')}: {row['note']}" for row in entries.rows_of(results) if row.get("note"))


def _references(results: Mapping[str, Any]) -> str:
    table = reference_table(results)
    return table.as_text() if table is not None else ""
