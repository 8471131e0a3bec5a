"""What the loggers are told after the test."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.evaluation.pictures import Picture
from segexp.spec import Direction

MOST_POINTS = 500
"""Points of a curve."""

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class TestReport:
    """A finished test.

    Attributes:
        content: As in results.json.
        images: Lines of per_image.csv of the model, from the worst image to the best.
        pictures: Some of the images, from worst to best.
        roc: False and true positive rate; of two classes only.
        pr: Recall and precision; of two classes only.
        step: Optimiser steps of the training.
    """

    __test__ = False  # no class of tests

    content: Mapping[str, Any]
    images: Sequence[Mapping[str, str]]
    pictures: Sequence[Picture]
    roc: Points
    pr: Points
    step: int


def worst_first(path: Path, column: str, direction: Direction) -> list[dict[str, str]]:
    """The model's lines of per_image.csv, the worst by the figure of a column first.

    Args:
        path: The file.
        column: For example ``iou/mean``; without such a column lines stay in their order.
        direction: Which way the figure is better.
    """
    with path.open(newline="", encoding="utf-8") as stream:
        lines = [line for line in csv.DictReader(stream) if line["row"] == "model"]
    sign = 1 if direction == "max" else -1
    # An image without foreground, none predicted, is as good as it gets.
    return sorted(lines, key=lambda line: sign * float(line.get(column) or sign))


def points(curve: Mapping[str, Any] | None, across: str, up: str) -> Points:
    """Two columns of a curve, at most ``MOST_POINTS`` of them, the last one kept."""
    if curve is None:
        return []
    pairs = [(float(x), float(y)) for x, y in zip(curve[across], curve[up], strict=True)]
    step = -(-len(pairs) // MOST_POINTS)
    return [*pairs[:-1:step], pairs[-1]]
