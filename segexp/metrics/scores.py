"""ScoreHistogram: logits of two classes counted in fine bins, from which threshold-free measures are made."""

from typing import Any

import torch
from torch import Tensor
from torchmetrics import Metric

from segexp.metrics.curves import LIMIT, NUM_BINS, PER_UNIT, ScoreCurve
from segexp.spec import IGNORED

BLOCK = 1 << 22
"""Pixels counted together: each takes ten times its memory while it is counted."""


def histogram(logits: Tensor, truth: Tensor) -> Tensor:
    """Negatives and positives per logit bin.

    Multiplying by a power of two and flooring are exact in float32, so the bin of a logit, and with it
    ``logit >= edge``, is exact as well.

    Args:
        logits: float (B, 1, H, W) or (B, H, W) of the second class; compute them in float32, bfloat16
            leaves a few hundred distinct values. Beyond +-16 they are ties.
        truth: uint8 (B, H, W) of 0, 1 and 255 (ignored).

    Returns:
        int64 (2, bins) of all images together.
    """
    flat, labels = logits.detach().reshape(-1), truth.reshape(-1)
    counts = torch.zeros(2 * NUM_BINS + 1, dtype=torch.int64, device=logits.device)
    for part, known in zip(torch.split(flat, BLOCK), torch.split(labels, BLOCK), strict=True):
        counts += torch.bincount(_places(part, known), minlength=2 * NUM_BINS + 1)
    return counts[: 2 * NUM_BINS].view(2, NUM_BINS)


def _places(logits: Tensor, truth: Tensor) -> Tensor:
    """Negatives in the first NUM_BINS places, positives in the next, ignored pixels in one place behind; (pixels,)."""
    scaled = logits.float() * PER_UNIT
    bins = scaled.floor_().clamp_(-LIMIT * PER_UNIT, LIMIT * PER_UNIT - 1).int().add_(LIMIT * PER_UNIT)
    return bins.add_(truth.int() * NUM_BINS).masked_fill_(truth == IGNORED, 2 * NUM_BINS)


class ScoreHistogram(Metric):
    """Positives and negatives per logit bin: 1 MiB whatever the number of pixels, batches and ranks.

    Integer counts, so the result is the same for every batch size and number of ranks.
    """

    full_state_update = False
    counts: Tensor

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.add_state("counts", default=torch.zeros(2, NUM_BINS, dtype=torch.int64), dist_reduce_fx="sum")

    def update(self, logits: Tensor, truth: Tensor) -> None:
        """Count a batch; logits and truth as for :func:`histogram`."""
        self.counts += histogram(logits, truth)

    def compute(self) -> ScoreCurve:
        """AUC, average precision, curves and the best threshold of everything counted on all ranks."""
        return ScoreCurve(self.counts)
