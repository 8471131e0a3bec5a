"""Accuracy, IoU, Dice, precision, recall and specificity, made of confusion counts alone.

THE RULE for a class that is absent: absent in truth and prediction, every measure of it is undefined (nan
here, None in the tables), left out of the mean, and the number of classes averaged stands beside the mean.
Absent in the truth but predicted somewhere, it is 0. Specificity is the exception, because it speaks about
the pixels outside the class: it is what it is wherever there are such pixels.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict

import torch
from torch import Tensor

PerClass = dict[str, float | None]
"""A value for each class name; None where it is undefined."""


class Scores(TypedDict):
    """All measures of a set of images; plain numbers, ready for JSON.

    Attributes:
        accuracy: Share of the pixels that are right.
        miou: Mean of the defined values in ``iou``.
        mdice: Mean of the defined values in ``dice``.
        classes_averaged: How many classes these two means are over.
        images_averaged: Per class, in how many images it is defined; in :func:`image_scores` only.
    """

    accuracy: float | None
    miou: float | None
    mdice: float | None
    classes_averaged: int
    iou: PerClass
    dice: PerClass
    precision: PerClass
    recall: PerClass
    specificity: PerClass
    images_averaged: NotRequired[dict[str, int]]


def dataset_scores(matrices: Tensor, classes: Sequence[str]) -> Scores:
    """Pooled: all pixels of all images are one image. Counts (N, C, C), rows the truth."""
    pooled = matrices.sum(dim=0, keepdim=True)
    return _scores(accuracy(pooled)[0], {name: value[0] for name, value in measures(pooled).items()}, classes)


def image_scores(matrices: Tensor, classes: Sequence[str]) -> Scores:
    """Image by image, then averaged over the images where the value is defined; counts as above.

    ``miou`` and ``mdice`` are the means of these class values, so that they can be checked against the table.
    """
    values = measures(matrices)
    scores = _scores(
        accuracy(matrices).nanmean(), {name: value.nanmean(dim=0) for name, value in values.items()}, classes
    )
    defined = (~values["iou"].isnan()).sum(dim=0)
    scores["images_averaged"] = dict(zip(classes, map(int, defined.tolist()), strict=True))
    return scores


def accuracy(matrices: Tensor) -> Tensor:
    """Right pixels / counted pixels: (N, C, C) -> float64 (N,), nan for an image without a counted pixel."""
    counts = matrices.double()
    return counts.diagonal(dim1=-2, dim2=-1).sum(-1) / counts.sum(dim=(-2, -1))


def measures(matrices: Tensor) -> dict[str, Tensor]:
    """Every measure of every class in every image.

    With TP, FP, FN, TN of the class against the rest:

    - iou: TP / (TP + FP + FN)
    - dice: 2 TP / (2 TP + FP + FN)
    - precision: TP / (TP + FP); 0 when the class is there and nothing was predicted
    - recall: TP / (TP + FN); 0 when the class is not there and something was predicted
    - specificity: TN / (TN + FP); nan when no pixel lies outside the class

    Args:
        matrices: integer (N, C, C), rows the truth, columns the prediction.

    Returns:
        float64 (N, C) each; nan where THE RULE (see the module) leaves a value undefined.
    """
    counts = matrices.double()
    hit = counts.diagonal(dim1=-2, dim2=-1)
    true, predicted = counts.sum(dim=-1), counts.sum(dim=-2)
    outside = counts.sum(dim=(-2, -1)).unsqueeze(-1) - true
    union = true + predicted - hit
    absent = union == 0
    return {
        "iou": _by_rule(hit, union, absent),
        "dice": _by_rule(2 * hit, true + predicted, absent),
        "precision": _by_rule(hit, predicted, absent),
        "recall": _by_rule(hit, true, absent),
        "specificity": (outside - (predicted - hit)) / outside,
    }


def _by_rule(part: Tensor, whole: Tensor, absent: Tensor) -> Tensor:
    """Quotient under THE RULE: nan for an absent class, 0 where one that is there leaves 0 / 0."""
    return (part / whole.clamp(min=1)).masked_fill(absent, torch.nan)


def _scores(accuracy: Tensor, values: dict[str, Tensor], classes: Sequence[str]) -> Scores:
    def table(name: str) -> PerClass:
        return dict(zip(classes, map(_plain, values[name]), strict=True))

    return Scores(
        accuracy=_plain(accuracy),
        miou=_plain(values["iou"].nanmean()),
        mdice=_plain(values["dice"].nanmean()),
        classes_averaged=int((~values["iou"].isnan()).sum()),
        iou=table("iou"),
        dice=table("dice"),
        precision=table("precision"),
        recall=table("recall"),
        specificity=table("specificity"),
    )


def _plain(value: Tensor) -> float | None:
    return None if bool(value.isnan()) else float(value)
