"""An optimizer step that is being judged, and whether the losses of its batches are finite."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from segexp.training.nonfinite.evidence import SeenBatch


@dataclass
class Step:
    """An optimizer step that is being judged.

    Attributes:
        epoch: From 0.
        number: Optimizer steps before it.
        rates: Learning rate of each group of weights.
        scale: Of the loss in 16-mixed; None: it is not scaled.
        batches: Seen since the step before.
        weights: Those with a gradient.
        norms: Of their gradients.
    """

    epoch: int
    number: int
    rates: list[float]
    scale: float | None
    batches: list[SeenBatch]
    weights: list[Tensor]
    norms: Tensor


def losses_bad(batches: Sequence[SeenBatch]) -> Tensor:
    """Tells whether the loss of any batch is not finite, a boolean scalar where the losses are."""
    waiting = [seen.loss.isfinite().all() for seen in batches if seen.finite is None]
    if not waiting or any(seen.finite is False for seen in batches):
        return torch.tensor(not all(seen.finite for seen in batches), device=batches[-1].loss.device)
    return ~torch.stack(waiting).all()
