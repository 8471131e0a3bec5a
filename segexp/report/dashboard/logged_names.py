"""Names under which segexp logs to W&B: curves, pictures, tables and charts of the test; a test compares them."""

from dataclasses import dataclass
from typing import Literal

CURVES = ("train/loss", "val/loss", "val/auc", "lr", "seconds")
"""Curves beside that of the measure."""
PICTURES: dict[str, Literal["step", "index"]] = {"panels/val": "step", "panels/test": "index"}
"""Images whose masks, truth and prediction, are switched on and off; along what they are browsed."""
TABLES = ("test/per_image", "test/figures/dataset", "test/figures/image")
"""Tables of the test: a line for each image, with its picture; figures by class."""


@dataclass(frozen=True)
class TableChart:
    """A chart that W&B draws of a table of the test.

    Attributes:
        table: As it is logged.
        kind: W&B's definition of the chart.
        fields: Columns by role.
        title: Above it.
    """

    table: str
    kind: str
    fields: dict[str, str]
    title: str


def _by_class(figure: str) -> TableChart:
    fields = {"label": "class", "value": figure}
    return TableChart(f"test/by_class/{figure}_table", "wandb/bar/v0", fields, f"Test {figure} by class")


CHARTS = (
    TableChart(
        "test/confusion_table", "wandb/confusion_matrix/v1",
        {name: name for name in ("Actual", "Predicted", "nPredictions")}, "Confusion: truth, prediction",
    ),
    TableChart("test/roc_table", "wandb/line/v0", {"x": "false positive rate", "y": "true positive rate"}, "ROC"),
    TableChart("test/pr_table", "wandb/line/v0", {"x": "recall", "y": "precision"}, "Precision and recall"),
    *(_by_class(figure) for figure in ("iou", "dice", "precision", "recall")),
)  # fmt: skip
"""Charts of the test."""
