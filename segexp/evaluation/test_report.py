"""What the loggers are told after the test."""

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.evaluation.pictures import Picture

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


def worst_first(path: Path, classes: Sequence[str]) -> list[dict[str, str]]:
    """The model's lines of per_image.csv by what ranks the panels: Dice of the foreground, or the mean IoU."""
    column = f"dice/{classes[1]}" if len(classes) == 2 else "iou/mean"
    with path.open(newline="", encoding="utf-8") as stream:
        lines = [line for line in csv.DictReader(stream) if line["row"] == "model"]
    # An image without foreground, none predicted, is as good as it gets.
    return sorted(lines, key=lambda line: float(line[column] or 1))


def points(curve: Mapping[str, Any] | None, across: str, up: str) -> Points:
    """Two columns of a curve, at most ``MOST_POINTS`` of them, the last one kept."""
    if curve is None:
        return []
    pairs = [(float(x), float(y)) for x, y in zip(curve[across], curve[up], strict=True)]
    step = -(-len(pairs) // MOST_POINTS)
    return [*pairs[:-1:step], pairs[-1]]
