"""Computes losses of images so large that a few copies of their logits would fill the memory."""

from itertools import pairwise

from torch import Tensor

from segexp.losses.base import SegmentationLoss
from segexp.spec import IGNORED

SIDE = 1024
"""Largest side of a block in pixels."""


def block_terms(loss: SegmentationLoss, logits: Tensor, mask: Tensor) -> dict[str, Tensor]:
    """Computes the terms of a loss; for images larger than a block the mean over blocks, without their gradient.

    Blocks count by their valid pixels, so that a mean over pixels stays what it is. A loss of areas (Jaccard, Dice) is
    taken block by block, as in training it is taken batch by batch.

    Args:
        loss: Any loss.
        logits: float (B, K, H, W).
        mask: uint8 (B, H, W), class numbers and 255 for ignored.

    Returns:
        float32 scalars by name.
    """
    height, width = mask.shape[-2:]
    if height * width <= SIDE**2:
        return loss.terms(logits, mask)
    totals: dict[str, Tensor] = {}
    counted = 0
    for rows in _parts(height):
        for columns in _parts(width):
            part = mask[..., rows, columns]
            valid = int((part != IGNORED).sum())
            counted += valid
            for name, value in loss.terms(logits[..., rows, columns], part).items():
                totals[name] = totals.get(name, 0.0) + valid * value.detach()
    return {name: value / max(counted, 1) for name, value in totals.items()}


def _parts(length: int) -> list[slice]:
    """Parts of about the same length, at most ``SIDE``."""
    count = -(-length // SIDE)
    edges = [length * number // count for number in range(count + 1)]
    return [slice(start, end) for start, end in pairwise(edges)]
