"""Soft counts of overlap, shared by Jaccard and Dice, and the ratio made of them."""

from typing import NamedTuple

import torch
from torch import Tensor

from segexp.losses.targets import foreground, one_hot
from segexp.spec import IGNORED


class SoftCounts(NamedTuple):
    """Sums over the valid pixels, float32 (G, K): G is B images when counted per image, else 1 for the batch.

    Attributes:
        intersection: Sum of p t.
        predicted: Sum of p.
        truth: Sum of t.
        counts: bool (G,): whether the group has a valid pixel at all.
    """

    intersection: Tensor
    predicted: Tensor
    truth: Tensor
    counts: Tensor


def soft_counts(logits: Tensor, mask: Tensor, per_image: bool) -> SoftCounts:
    """Overlap of probabilities p and truth t, as one-hot.

    p is the sigmoid of the foreground for K = 1 and the softmax for K > 1; 0 at ignored pixels.

    Args:
        logits: float (B, K, H, W).
        mask: uint8 (B, H, W), 255 is ignored.
        per_image: Sum each image by itself.
    """
    channels = logits.shape[1]
    ignored = (mask == IGNORED).unsqueeze(1)
    if channels == 1:
        probability = torch.sigmoid(logits.float().masked_fill(ignored, -torch.inf))
        truth = foreground(mask).unsqueeze(1)
    else:
        # Filled before the softmax so that no logit there reaches the gradient, zeroed after it to count
        # nothing.
        probability = torch.softmax(logits.float().masked_fill(ignored, 0.0), dim=1) * (~ignored).float()
        truth = one_hot(mask, channels)
    over = (2, 3) if per_image else (0, 2, 3)
    valid = (~ignored).flatten(1).any(dim=1) if per_image else (~ignored).any().view(1)
    return SoftCounts(
        intersection=(probability * truth).sum(over).view(-1, channels),
        predicted=probability.sum(over).view(-1, channels),
        truth=truth.sum(over).view(-1, channels),
        counts=valid,
    )


def mean_loss(numerator: Tensor, denominator: Tensor, smooth: float, counts: Tensor) -> Tensor:
    """Mean of 1 - (numerator + smooth) / (denominator + smooth), the quotient being 1 where it is 0 / 0.

    Args:
        numerator: float32 (G, K).
        denominator: float32 (G, K).
        smooth: Added to both.
        counts: bool (G,): groups to average over; the others have loss 0.

    Returns:
        float32 scalar, 0 if no group counts.
    """
    nothing = denominator + smooth == 0
    quotient = (numerator + smooth) / (denominator + smooth).masked_fill(nothing, 1.0)
    losses = (1.0 - quotient.masked_fill(nothing, 1.0)).mean(dim=1)
    return losses.masked_fill(~counts, 0.0).sum() / counts.sum().clamp(min=1)
