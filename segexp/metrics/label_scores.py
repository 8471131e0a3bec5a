"""Accuracy, precision, recall and F1 of class numbers of whole images, made of counts that may be added over images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from segexp.metrics.class_scores import ClassScores
from segexp.metrics.figures import Array, Family, nanmean
from segexp.metrics.scores import ScoreHistogram

Labels = NDArray[np.int64]
"""Class numbers 0..C-1, one per image, (N,)."""


def label_family(truth: Labels, prediction: Labels, classes: Sequence[str]) -> Family:
    """Figures of :func:`label_figures` for any set of images; of a single image the accuracy alone, 0 or 1.

    Args:
        truth: True class of each image.
        prediction: Predicted class of each image.
        classes: Names of the C classes.
    """
    right = (truth == prediction).astype(np.float64)
    return Family(_sums(truth, prediction, len(classes)), label_figures, classes, exact_images={"accuracy": right})


def _sums(truth: Labels, prediction: Labels, classes: int) -> NDArray[np.int64]:
    """Hits, true and predicted class of each image, 0 or 1 each: int64 (N, 3, C)."""
    numbers = np.arange(classes)
    true, predicted = truth[:, None] == numbers, prediction[:, None] == numbers
    return np.stack([true & predicted, true, predicted], axis=1).astype(np.int64)


def label_figures(sums: Array) -> dict[str, Array]:
    """Figures of sets of images.

    With TP images of the class that were found, FP others taken for it, FN of it taken for others:

    - accuracy: share of the images that are right
    - balanced_accuracy: mean recall of the classes that are there (Brodersen et al. 2010)
    - macro_f1: mean F1 of the classes where it is defined
    - precision: TP / (TP + FP); 0 where the class is there and was never predicted
    - recall: TP / (TP + FN); 0 where the class is not there and was predicted
    - f1: 2 TP / (2 TP + FP + FN)

    Args:
        sums: (M, 3, C): TP, TP + FN and TP + FP of each class in M sets.

    Returns:
        float64 (M,) for the first three, (M, C) for the others; nan where a class is neither there nor predicted.
    """
    hits, true, predicted = sums[:, 0], sums[:, 1], sums[:, 2]
    absent = (true + predicted) == 0
    recall, f1 = _share(hits, true, absent), _share(2 * hits, true + predicted, absent)
    return {
        "accuracy": hits.sum(axis=1) / true.sum(axis=1),
        "balanced_accuracy": nanmean(np.where(true > 0, recall, np.nan), axis=1),
        "macro_f1": nanmean(f1, axis=1),
        "precision": _share(hits, predicted, absent),
        "recall": recall,
        "f1": f1,
    }


def _share(part: Array, whole: Array, absent: NDArray[np.bool_]) -> Array:
    """Quotient, 0 where 0 / 0 is left by a class that is there or predicted, nan where it is neither."""
    share: Array = np.where(absent, np.nan, part / np.maximum(whole, 1))
    return share


def score_areas(truth: Labels, logits: Array) -> dict[str, float | None]:
    """ROC-AUC and PR-AUC of the second of two classes, by its logit less that of the first; None: undefined.

    Args:
        truth: True class of each image, 0 or 1, (N,).
        logits: (N, 2).
    """
    scores = ScoreHistogram()
    scores.update(*_as_pixels(truth, logits))
    curve = scores.compute()
    return {"auc": curve.auc(), "ap": curve.average_precision()}


def score_family(truth: Labels, logits: Array) -> Family:
    """The figures of :func:`score_areas` for any set of images; takes longer."""
    scores = ClassScores(1)
    scores.update(*_as_pixels(truth, logits), torch.arange(len(truth)))
    return replace(scores.family(()), exact_images={})


def _as_pixels(truth: Labels, logits: Array) -> tuple[Tensor, Tensor]:
    """Scores (N, 1, 1, 1) and classes uint8 (N, 1, 1): an image counts as a pixel, with one score and class."""
    margin = torch.from_numpy(logits[:, 1] - logits[:, 0])
    return margin.view(-1, 1, 1, 1), torch.from_numpy(truth).byte().view(-1, 1, 1)


def label_confusion(truth: Labels, prediction: Labels, classes: int) -> NDArray[np.int64]:
    """Images of each pair of true and predicted class, int64 (C, C), rows are the truth."""
    pairs = np.bincount(truth * classes + prediction, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)
