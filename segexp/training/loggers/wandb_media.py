"""Images with masks, tables and charts of W&B. Imports wandb: only for a run that is open."""

from collections.abc import Mapping, Sequence
from typing import Any

import wandb

from segexp.evaluation.pictures import MaskPicture, Picture
from segexp.evaluation.test_report import Points, TestReport
from segexp.report.pictures.displayed import display_small, shrink_labels
from segexp.report.run_page.tables.classes import full_table
from segexp.report.run_page.tables.confusion import counted_unit
from segexp.spec import IGNORED, DataSpec

BARS = ("dice", "iou", "precision", "recall", "f1")
"""Measures by class that are shown as bars."""


def image(picture: Picture) -> Any:
    """An image whose truth and prediction of every pixel are switched on and off in the browser; others as drawn."""
    caption = ", ".join([picture.name, *(f"{name} {value}" for name, value in picture.figures.items())])
    if not isinstance(picture, MaskPicture):
        return wandb.Image(picture.drawn, caption=caption)
    labels = _labels(picture.spec)
    masks = {
        name: {"mask_data": shrink_labels(mask), "class_labels": labels}
        for name, mask in (("truth", picture.truth), ("prediction", picture.prediction))
    }
    classes = [{"id": number, "name": name} for number, name in labels.items()]
    pixels = display_small(picture.image, picture.truth != IGNORED)
    return wandb.Image(pixels, caption=caption, masks=masks, classes=classes)


def _labels(spec: DataSpec) -> dict[int, str]:
    return {**dict(enumerate(spec.classes)), IGNORED: "not counted"}


def test_media(report: TestReport) -> dict[str, Any]:
    """Everything that is logged after the test, by its name."""
    media = {
        "test/per_image": _per_image(report.images, report.pictures),
        **_confusion(report.content),
        **_bars(report.content["rows"][0]["dataset"]),
        **figure_tables(report.content),
    }
    if report.pictures:
        media["panels/test"] = [image(picture) for picture in report.pictures]
    if report.roc:
        media["test/roc"] = _line(report.roc, "false positive rate", "true positive rate", "ROC")
        media["test/pr"] = _line(report.pr, "recall", "precision", "Precision and recall")
    return media


def keep_as_files(media: Mapping[str, Any], run: Any, step: int) -> None:
    """Makes the tables files of the run alone; by itself wandb makes an artifact of each too.

    For an artifact it asks the server: one that has died holds that up for 20 seconds, and the end of the run for as
    long as wandb tries to send it, which is many minutes.

    Args:
        media: As from ``test_media``, not logged yet.
        run: The run of wandb in which they will be.
        step: For the names of the files.
    """
    for name, value in media.items():
        table = getattr(value, "table", value)  # of a chart
        if isinstance(table, wandb.Table):
            table.bind_to_run(run, name, step)


def _per_image(images: Sequence[Mapping[str, str]], pictures: Sequence[Picture]) -> Any:
    """A line per test image, the worst first; with the picture where one was drawn."""
    drawn = {picture.name: picture for picture in pictures}
    figures = [name for name in (images[0] if images else {}) if name not in ("image", "row")]
    table = wandb.Table(columns=["image", "picture", *figures])
    for line in images:
        picture = drawn.get(line["image"])
        values = [_value(line[name]) for name in figures]
        table.add_data(line["image"], None if picture is None else image(picture), *values)
    return table


def _value(cell: str) -> float | str | None:
    """A cell of per_image.csv: a number, a name of a class, or nothing."""
    try:
        return float(cell) if cell else None
    except ValueError:
        return cell


def _confusion(content: Mapping[str, Any]) -> dict[str, Any]:
    """W&B's own chart, which its function draws from single labels only; pixels are too many for that."""
    counts = content.get("confusion")
    if counts is None:
        return {}
    classes, unit = content["task"]["classes"], counted_unit(content)
    names = ("Actual", "Predicted", "nPredictions")
    table = wandb.Table(
        columns=list(names),
        data=[[classes[i], classes[j], n] for i, line in enumerate(counts) for j, n in enumerate(line)],
    )
    chart = wandb.plot_table(
        "wandb/confusion_matrix/v1", table, {name: name for name in names}, {"title": f"Test {unit}: truth, prediction"}
    )
    return {"test/confusion": chart}


def figure_tables(content: Mapping[str, Any]) -> dict[str, Any]:
    """Every figure of the model under its label, with its unit and an arrow where less is more, by class."""
    tables = {f"test/figures/{block}": full_table(content, block) for block in ("dataset", "image")}
    return {
        name: wandb.Table(columns=["figure", *table.header[1:]], data=[list(row) for row in table.rows])
        for name, table in tables.items()
        if table is not None
    }


def _bars(figures: Mapping[str, Any]) -> dict[str, Any]:
    charts = {}
    for name in BARS:
        if isinstance(by_class := figures.get(name), Mapping):
            table = wandb.Table(columns=["class", name], data=[[k, v] for k, v in by_class.items() if v is not None])
            charts[f"test/by_class/{name}"] = wandb.plot.bar(table, "class", name, title=f"Test {name} by class")
    return charts


def _line(points: Points, across: str, up: str, title: str) -> Any:
    table = wandb.Table(columns=[across, up], data=[list(point) for point in points])
    return wandb.plot.line(table, across, up, title=title)
