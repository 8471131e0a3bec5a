"""What a measure of torchmetrics is handed: predictions and truth in the shape and type that its kind takes."""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional as F
from torchmetrics import Metric

from segexp.spec import IGNORED

_MASKS = "torchmetrics.segmentation."
"""Package of the measures that take masks with their shape, and know nothing of ignored pixels."""
Pair = tuple[Tensor, Tensor]


def innermost(metric: Metric) -> Metric:
    """The measure that wrappers (ClasswiseWrapper, MinMaxMetric, BootStrapper) are around; of no wrapper itself."""
    inner = getattr(metric, "metric", None) or getattr(metric, "_base_metric", None)
    if inner is None:
        inner = next(iter(getattr(metric, "metrics", ())), None)
    return innermost(inner) if isinstance(inner, Metric) else metric


def class_inputs(metric: Metric, probabilities: Tensor, target: Tensor) -> Iterator[Pair]:
    """Yields what a measure of classes is updated with; nothing of pixels that count nowhere.

    Args:
        metric: Any measure. Those of torchmetrics.segmentation are handed one image after the other, predicted and
            true class numbers int64 (1, H, W), or one-hot (1, C, H, W) as their ``input_format`` says, at probability
            0.5 for two classes; an image with ignored pixels as one row of the valid ones, for distances with the
            first class there in both. All others are handed the valid pixels in a row: probabilities float32 (N,) of
            the second of two classes, (N, C) of more or where the measure has ``num_classes``, and class numbers
            int64 (N,).
        probabilities: float (B, K, ...); K = 1 for two classes, the second.
        target: Class numbers (B, ...), 255 for ignored.
    """
    inner = innermost(metric)
    if any(base.__module__.startswith(_MASKS) for base in type(inner).__mro__):
        for own, truth in zip(probabilities, target, strict=True):
            yield from _masks(inner, own, truth)
        return
    valid = target != IGNORED
    rows = probabilities.movedim(1, -1)[valid].float()
    if len(rows):
        single = rows.shape[1] == 1
        if single and getattr(inner, "num_classes", None) is not None:
            rows = torch.cat([1 - rows, rows], dim=1)
        yield rows[:, 0] if rows.shape[1] == 1 else rows, target[valid].long()


def _masks(metric: Metric, probabilities: Tensor, target: Tensor) -> Iterator[Pair]:
    """One image: probabilities (K, H, W), class numbers (H, W)."""
    ignored = target == IGNORED
    single = len(probabilities) == 1
    predicted = (probabilities[0] >= 0.5).long() if single else probabilities.argmax(dim=0)
    truth = target.long()
    if bool(ignored.any()):
        if "Hausdorff" in type(metric).__name__:
            predicted, truth = predicted.masked_fill(ignored, 0), truth.masked_fill(ignored, 0)
        else:
            predicted, truth = predicted[~ignored][None], truth[~ignored][None]
    if truth.numel():
        form, classes = getattr(metric, "input_format", "index"), max(2, len(probabilities))
        pair = predicted[None], truth[None]
        yield (
            pair[0] if form == "index" else _one_hot(pair[0], classes),
            (_one_hot(pair[1], classes) if form == "one-hot" else pair[1]),
        )


def _one_hot(numbers: Tensor, classes: int) -> Tensor:
    return F.one_hot(numbers, classes).movedim(-1, 1)
