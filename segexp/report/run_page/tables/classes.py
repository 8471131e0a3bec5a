"""Tables of the model's classes: overlap, shapes, probabilities, and all figures there are."""

from collections.abc import Mapping, Sequence
from typing import Any

from segexp.config.signatures.declared_figures import shipped_figure
from segexp.config.signatures.measure_names import BUILT_IN
from segexp.report import values
from segexp.report.labels import head_of, order_figures
from segexp.report.table import Table
from segexp.runs import entries

OVERLAP = ("iou", "dice", "precision", "recall")
SHAPES = ("iou", "dice", "boundary_iou", "cldice", "hd95", "asd", "components_error", "object_f1")
PROBABILITIES = ("mcc", "specificity", "auc", "ap", "brier", "ece")


def overlap_table(results: Mapping[str, Any]) -> Table:
    """IoU, Dice, precision and recall of each class over the pixels of all images, with their intervals.

    Args:
        results: Content of results.json.

    Returns:
        One row per class and one for the mean; ``-`` where a measure is undefined or missing.
    """
    return _table(results, "dataset", OVERLAP, _title(results), intervals=True)


def shape_table(results: Mapping[str, Any]) -> Table | None:
    """Means over images: overlap, outlines, centrelines, pieces; None where no costly measure was taken."""
    row = entries.model_row(results)
    there = [name for name in _shapes(row) if entries.get_in(row, "image", name) is not None]
    if not set(there) - set(OVERLAP):
        return None
    return _table(results, "image", there, "mean over images", intervals=False)


def probability_table(results: Mapping[str, Any]) -> Table | None:
    """Table of figures of probabilities and of guessing, over the pixels of all images; None where there is nothing."""
    row = entries.model_row(results)
    there = [name for name in PROBABILITIES if entries.get_in(row, "dataset", name) is not None]
    return _table(results, "dataset", there, "pixels of all images", intervals=False) if there else None


def full_table(results: Mapping[str, Any], block: str) -> Table | None:
    """Every figure with its interval: a line per figure, a column per class.

    Args:
        results: Content of results.json.
        block: ``dataset`` or ``image``.
    """
    row, classes = entries.model_row(results), entries.classes_of(results)
    figures = entries.get_in(row, block)
    if not isinstance(figures, Mapping):
        return None
    lines = []
    for name in order_figures(figures):
        whole = () if isinstance(figures[name], Mapping) else (name,)
        cells = ["" if whole else _cell(results, row, block, (name, part), with_interval=True) for part in classes]
        total = _cell(results, row, block, whole or ("mean", name), with_interval=True)
        lines.append((head_of(results, name), *cells, total))
    title = "over the pixels of all images" if block == "dataset" else "mean over images"
    return Table(title, ("", *classes, "all classes"), tuple(lines))


def _shapes(row: Mapping[str, Any]) -> list[str]:
    """Columns of the shape table: a Hausdorff distance may have any percentile, users' measures are last."""
    found = entries.get_in(row, "image")
    names = order_figures(found) if isinstance(found, Mapping) else []
    distances = [name for name in names if name.startswith("hd")]
    of_users = [name for name in names if name not in BUILT_IN and shipped_figure(name) is None]
    return [name for known in SHAPES for name in (distances if known == "hd95" else [known])] + of_users


def _table(results: Mapping[str, Any], block: str, names: Sequence[str], title: str, *, intervals: bool) -> Table:
    row = entries.model_row(results)
    rows = []
    for part in entries.classes_of(results):
        rows.append(
            (
                part,
                *(
                    _cell(results, row, block, _path(results, row, block, n, part), with_interval=intervals)
                    for n in names
                ),
            )
        )
    rows.append(
        ("mean", *(_cell(results, row, block, _mean_path(row, block, name), with_interval=intervals) for name in names))
    )
    return Table(title, ("class", *(head_of(results, name) for name in names)), tuple(rows))


def _path(results: Mapping[str, Any], row: Mapping[str, Any], block: str, name: str, part: str) -> tuple[str, ...]:
    """Of two classes the areas under the curves are of the second and stand alone."""
    alone = isinstance(entries.get_in(row, block, name), float)
    return (name,) if alone and part == entries.foreground_of(results) else (name, part)


def _mean_path(row: Mapping[str, Any], block: str, name: str) -> tuple[str, ...]:
    # Results of older versions have these two means only.
    short = {"iou": "miou", "dice": "mdice"}.get(name)
    return (short,) if short is not None and entries.get_in(row, block, "mean", name) is None else ("mean", name)


def _cell(
    results: Mapping[str, Any], row: Mapping[str, Any], block: str, path: tuple[str, ...], *, with_interval: bool
) -> str:
    """A figure, with its interval where that is wanted and there."""
    value = entries.get_in(row, block, *path)
    figure = path[1] if path[0] == "mean" and len(path) > 1 else path[0]
    has_unit = entries.get_in(results, "units", figure) is not None
    interval = entries.get_in(row, "interval", block, *path) if with_interval else None
    return values.format_with_interval(value, interval, 2 if has_unit else 4)


def _title(results: Mapping[str, Any]) -> str:
    row = entries.model_row(results)
    parts = [str(row.get("name") or "model")]
    split = entries.get_in(results, "split", "name")
    images = entries.get_in(results, "split", "images")
    if split:
        parts.append(f"{split} split" + (f" ({images} images)" if images is not None else ""))
    where = entries.get_in(results, "task", "where")
    parts += [str(where)] if where else []
    with_interval = isinstance(row.get("interval"), Mapping)
    # Two lines, or a terminal would break it anywhere.
    return ", ".join(parts) + ",\npixels of all images" + (" [95 % interval]" if with_interval else "")
