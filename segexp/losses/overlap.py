"""Soft counts of overlap, shared by the losses of whole regions, and the ratio made of them."""

from typing import NamedTuple

from torch import Tensor

from segexp.losses.activations import probabilities
from segexp.losses.targets import foreground, one_hot
from segexp.spec import IGNORED


class SoftCounts(NamedTuple):
    """Sums over the valid pixels, float32 (G, K): G is B images when counted per image, else 1 for the batch.

    Attributes:
        intersection: Sum of p t.
        predicted: Sum of p, or of p^2.
        truth: Sum of t.
        counts: bool (G,): whether the group has a valid pixel at all.
    """

    intersection: Tensor
    predicted: Tensor
    truth: Tensor
    counts: Tensor


def soft_counts(logits: Tensor, mask: Tensor, per_image: bool, squared: bool = False) -> SoftCounts:
    """Counts the overlap of probabilities p and one-hot truth t.

    p is the sigmoid of the foreground for K = 1 and the softmax for K > 1; 0 at ignored pixels.

    Args:
        logits: float (B, K, H, W).
        mask: uint8 (B, H, W), 255 is ignored.
        per_image: Sum each image by itself.
        squared: Whether ``predicted`` is the sum of squares (that of t^2 is that of t).
    """
    channels = logits.shape[1]
    ignored = (mask == IGNORED).unsqueeze(1)
    probability = probabilities(logits, ignored)
    truth = foreground(mask).unsqueeze(1) if channels == 1 else one_hot(mask, channels)
    return SoftCounts(
        intersection=group_sum(probability * truth, per_image),
        predicted=group_sum(probability * probability if squared else probability, per_image),
        truth=group_sum(truth, per_image),
        counts=has_valid(ignored, per_image),
    )


def group_sum(values: Tensor, per_image: bool) -> Tensor:
    """Sums of (B, K, H, W) over the pixels of each image, (B, K), or of the batch, (1, K)."""
    return values.sum((2, 3) if per_image else (0, 2, 3)).view(-1, values.shape[1])


def has_valid(ignored: Tensor, per_image: bool) -> Tensor:
    """Finds the groups of ignored pixels, bool (B, 1, H, W), that have a valid one: bool (G,)."""
    return (~ignored).flatten(1).any(dim=1) if per_image else (~ignored).any().view(1)


def class_losses(numerator: Tensor, denominator: Tensor, smooth: float) -> Tensor:
    """Computes 1 - (numerator + smooth) / (denominator + smooth), the quotient being 1 where it is 0 / 0; any shape."""
    return 1.0 - coefficients(numerator, denominator, smooth)


def coefficients(numerator: Tensor, denominator: Tensor, smooth: float) -> Tensor:
    """Computes (numerator + smooth) / (denominator + smooth), 1 where that is 0 / 0; any shape."""
    nothing = denominator + smooth == 0
    quotient = (numerator + smooth) / (denominator + smooth).masked_fill(nothing, 1.0)
    return quotient.masked_fill(nothing, 1.0)


def group_mean(losses: Tensor, counts: Tensor, weights: Tensor | None = None) -> Tensor:
    """Averages over classes, then over groups.

    Args:
        losses: float32 (G, K).
        counts: bool (G,): groups to average over; the others have loss 0.
        weights: float32 (K,), of the classes in their mean; None: 1 each.

    Returns:
        float32 scalar, 0 if no group counts.
    """
    means = losses.mean(dim=1) if weights is None else (losses * weights).sum(dim=1) / weights.sum()
    return means.masked_fill(~counts, 0.0).sum() / counts.sum().clamp(min=1)


def mean_loss(numerator: Tensor, denominator: Tensor, smooth: float, counts: Tensor) -> Tensor:
    """Averages :func:`class_losses` of float32 (G, K) over classes and the groups that ``counts`` (G,) names."""
    return group_mean(class_losses(numerator, denominator, smooth), counts)
