"""The model's scores of each group of images, a line per group."""

from collections.abc import Mapping
from typing import Any

from segexp.report import values
from segexp.report.table import Table
from segexp.runs import entries

Path = tuple[str, ...]


def groups_table(results: Mapping[str, Any]) -> Table | None:
    """Accuracy and overlap by group, pixels of a group's images pooled.

    Args:
        results: Content of results.json.

    Returns:
        A row per group and one for all images; None where there are fewer than two groups.
    """
    row = entries.model_row(results)
    groups = row.get("groups")
    if not isinstance(groups, Mapping) or len(groups) < 2:
        return None
    columns = _columns(results)
    rows = [_row(str(name), figures, columns) for name, figures in groups.items()]
    whole = {"images": entries.get_in(results, "split", "images"), **(row.get("dataset") or {})}
    rows.append(_row("all images", whole, columns))
    return Table("By group", ("group", "images", *(name for name, _ in columns)), tuple(rows))


def _columns(results: Mapping[str, Any]) -> list[tuple[str, Path]]:
    """Head and place of each figure: of two classes the second's, of more every class's IoU."""
    foreground = entries.foreground_of(results)
    columns: list[tuple[str, Path]] = [("accuracy", ("accuracy",)), ("mean IoU", ("miou",))]
    shown = entries.classes_of(results) if foreground is None else [foreground]
    columns += [(f"IoU {name}", ("iou", name)) for name in shown]
    return columns + (
        [("mean Dice", ("mdice",))] if foreground is None else [(f"Dice {foreground}", ("dice", foreground))]
    )


def _row(name: str, figures: Mapping[str, Any], columns: list[tuple[str, Path]]) -> tuple[str, ...]:
    return (
        name,
        values.format_count(figures.get("images")),
        *(values.format_measure(entries.get_in(figures, *path)) for _, path in columns),
    )
