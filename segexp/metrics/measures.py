"""Accuracy, IoU, Dice, precision, recall, specificity, MCC and kappa, made of confusion counts alone.

THE RULE for a class that is absent: absent in truth and prediction, every measure of it is undefined (nan
here, None in the tables), left out of the mean, and the number of classes averaged stands beside the mean.
Absent in the truth but predicted somewhere, it is 0. Specificity is the exception, because it speaks about
the pixels outside the class: it is what it is wherever there are such pixels.

Measures that compare with guessing (MCC, kappa) are 0 where guessing is as good: also where the truth, or the
prediction, is all one class. They are undefined where truth and prediction are all one and the same class, since
there was nothing to tell apart.
"""

from collections.abc import Sequence
from typing import NotRequired, TypedDict, cast

import numpy as np
import torch
from torch import Tensor

from segexp.metrics.figures import Array, Family, dataset_leaves, image_mean_leaves, nested, plain

PerClass = dict[str, float | None]
"""A value for each class name; None where it is undefined."""


class MeasureValues(TypedDict):
    """All measures of a set of images; plain numbers, ready for JSON.

    Attributes:
        accuracy: Share of the pixels that are right.
        kappa: Agreement beyond that of two independent guessers with the same shares of the classes (Cohen 1960).
        mcc_overall: Correlation of truth and prediction over all classes at once (Gorodkin 2004, R_K); for two
            classes the MCC of either.
        miou: Mean of the defined values in ``iou``.
        mdice: Mean of the defined values in ``dice``.
        mean: Mean of the defined values of every measure per class.
        classes_averaged: Over how many classes ``iou`` and ``dice`` are averaged.
        images_averaged: Per class, in how many images it is defined; in :func:`image_scores` only.
    """

    accuracy: float | None
    kappa: float | None
    mcc_overall: float | None
    miou: float | None
    mdice: float | None
    iou: PerClass
    dice: PerClass
    precision: PerClass
    recall: PerClass
    specificity: PerClass
    mcc: PerClass
    mean: PerClass
    classes_averaged: int
    images_averaged: NotRequired[dict[str, int]]


def count_family(matrices: Tensor, classes: Sequence[str]) -> Family:
    """All measures of this module, for any set of images. Counts (N, C, C), rows the truth."""
    return Family(matrices.numpy(), _figures, classes)


def _figures(sums: Array) -> dict[str, Array]:
    matrices = torch.from_numpy(np.ascontiguousarray(sums))
    return {name: value.numpy() for name, value in {**overall_measures(matrices), **measures(matrices)}.items()}


def dataset_scores(matrices: Tensor, classes: Sequence[str]) -> MeasureValues:
    """Pooled: all pixels of all images are one image. Counts (N, C, C), rows the truth."""
    scores = nested(dataset_leaves([count_family(matrices, classes)]), plain)
    scores["classes_averaged"] = classes_averaged(scores)
    return cast(MeasureValues, scores)


def image_scores(matrices: Tensor, classes: Sequence[str]) -> MeasureValues:
    """Image by image, then averaged over the images where the value is defined; counts as above.

    ``mean``, ``miou`` and ``mdice`` are the means of these class values, so that they can be checked against the table.
    """
    scores = nested(image_mean_leaves([count_family(matrices, classes)]), plain)
    scores["classes_averaged"] = classes_averaged(scores)
    scores["images_averaged"] = images_averaged(matrices, classes)
    return cast(MeasureValues, scores)


def classes_averaged(scores: dict[str, PerClass]) -> int:
    """In how many classes IoU and Dice are defined."""
    return sum(value is not None for value in scores["iou"].values())


def images_averaged(matrices: Tensor, classes: Sequence[str]) -> dict[str, int]:
    """In how many images IoU and Dice of each class are defined; counts (N, C, C)."""
    defined = (~measures(matrices)["iou"].isnan()).sum(dim=0)
    return dict(zip(classes, map(int, defined.tolist()), strict=True))


def overall_measures(matrices: Tensor) -> dict[str, Tensor]:
    """Accuracy, kappa and ``mcc_overall`` of every image: integer (N, C, C), rows the truth, to float64 (N,) each.

    With s pixels, of them c right, t_k of true and p_k of predicted class k:

    - kappa: (c s - sum t_k p_k) / (s^2 - sum t_k p_k)
    - mcc_overall: (c s - sum t_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum t_k^2))
    """
    counts = matrices.double()
    true, predicted, total = counts.sum(dim=-1), counts.sum(dim=-2), counts.sum(dim=(-2, -1))
    right = counts.diagonal(dim1=-2, dim2=-1).sum(-1)
    by_chance = (true * predicted).sum(-1)
    more = right * total - by_chance
    spread = ((total**2 - (predicted**2).sum(-1)) * (total**2 - (true**2).sum(-1))).sqrt()
    one_class = by_chance == total**2
    return {
        "accuracy": right / total,
        "kappa": _beyond_chance(more, total**2 - by_chance, one_class),
        "mcc_overall": _beyond_chance(more, spread, one_class),
    }


def _beyond_chance(more: Tensor, most: Tensor, undefined: Tensor) -> Tensor:
    """Quotient, 0 where 0 / 0 is left by a truth or prediction of one class, nan where both are the same one."""
    return (more / torch.where(most == 0, 1.0, most)).masked_fill(undefined, torch.nan)


def measures(matrices: Tensor) -> dict[str, Tensor]:
    """Every measure of every class in every image.

    With TP, FP, FN, TN of the class against the rest:

    - iou: TP / (TP + FP + FN)
    - dice: 2 TP / (2 TP + FP + FN)
    - precision: TP / (TP + FP); 0 when the class is there and nothing was predicted
    - recall: TP / (TP + FN); 0 when the class is not there and something was predicted
    - specificity: TN / (TN + FP); nan when no pixel lies outside the class
    - mcc: (TP TN - FP FN) / sqrt((TP + FP) (TP + FN) (TN + FP) (TN + FN)), the correlation of truth and prediction
      (Matthews 1975); 0 when one of the four sums is 0, nan when truth and prediction are all the class

    Args:
        matrices: integer (N, C, C), rows the truth, columns the prediction.

    Returns:
        float64 (N, C) each; nan where THE RULE (see the module) leaves a value undefined.
    """
    counts = matrices.double()
    hit = counts.diagonal(dim1=-2, dim2=-1)
    true, predicted = counts.sum(dim=-1), counts.sum(dim=-2)
    total = counts.sum(dim=(-2, -1)).unsqueeze(-1)
    outside = total - true
    union = true + predicted - hit
    absent = union == 0
    return {
        "iou": _by_rule(hit, union, absent),
        "dice": _by_rule(2 * hit, true + predicted, absent),
        "precision": _by_rule(hit, predicted, absent),
        "recall": _by_rule(hit, true, absent),
        "specificity": (outside - (predicted - hit)) / outside,
        "mcc": _mcc(hit, true, predicted, total),
    }


def _mcc(hit: Tensor, true: Tensor, predicted: Tensor, total: Tensor) -> Tensor:
    """Correlation of being in the class and being predicted in it; (N, C) each."""
    spread = ((true * (total - true)) * (predicted * (total - predicted))).sqrt()
    nothing_to_tell = (true == predicted) & ((true == 0) | (true == total))
    return _beyond_chance(hit * total - true * predicted, spread, nothing_to_tell)


def _by_rule(part: Tensor, whole: Tensor, absent: Tensor) -> Tensor:
    """Quotient under THE RULE: nan for an absent class, 0 where one that is there leaves 0 / 0."""
    return (part / whole.clamp(min=1)).masked_fill(absent, torch.nan)
