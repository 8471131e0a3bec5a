"""Tables of the data of a run: images and samples of each split, and the main measures of every test image."""

from collections.abc import Mapping

from segexp.report import values
from segexp.report.labels import name_of
from segexp.report.table import Table
from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.text import shape_text

SPLITS = ("train", "val", "test")


LEFT_OUT = ("kappa", "precision", "recall", "specificity", "mcc", "object_precision", "object_recall")
"""Figures that the table per image does without."""


def data_table(folder: RunContents) -> Table | None:
    """Images, samples and shape of each split."""
    data = folder.run.get("data")
    if not isinstance(data, Mapping):
        return None
    others = [name for name in data if name not in SPLITS]
    # Beside parts of the data there are settings of how it is split and read.
    splits = [name for name in (*SPLITS, *others) if entries.get_in(data, name, "images") is not None]
    rows = [
        (
            str(name),
            values.format_count(entries.get_in(data, name, "images")),
            values.format_count(entries.get_in(data, name, "samples")),
            _shape(entries.get_in(data, name, "shape")),
        )
        for name in splits
    ]
    header = ("split", "images", "samples", "shape (N × C × H × W)")
    return Table("data", header, tuple(rows)) if rows else None


def _shape(shape: object) -> str:
    return shape_text(shape, " × ") if isinstance(shape, list) else values.format_plain(shape)


def image_table(folder: RunContents) -> Table | None:
    """The main measures per image of the model row, without the columns that are empty throughout."""
    own = entries.to_text(entries.model_row(folder.results).get("name")) or "model"
    rows = [row for row in folder.images if row.get("row", own) == own]
    if not rows:
        return None
    names = [name for name in rows[0] if _is_main(name) and any(row.get(name) for row in rows)]
    cells = tuple((row.get("image", ""), *(_cell(row.get(name, "")) for name in names)) for row in rows)
    return Table("per image", ("image", *(_column(name, folder.results) for name in names)), cells)


def _column(name: str, results: Mapping[str, object]) -> str:
    """``IoU vessel`` of ``iou/vessel``."""
    figure, _, part = name.partition("/")
    return f"{name_of(figure, results)} {part}".strip()


def _is_main(column: str) -> bool:
    """All columns would be too many to look at; per_image.csv has them."""
    figure, _, part = column.partition("/")
    return part != "mean" and column not in ("image", "row") and figure not in LEFT_OUT


def _cell(text: str) -> str:
    try:
        number = float(text)
    except ValueError:
        return text or values.ABSENT
    return values.format_count(int(number)) if text.lstrip("-").isdigit() else values.format_measure(number)
