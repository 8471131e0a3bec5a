"""Auxiliary outputs: more logits beside the model's own, used in training only (deep supervision)."""

from typing import NamedTuple

from torch import Tensor


class Supervised(NamedTuple):
    """Output of a model with auxiliary logits in training mode, instead of its logits alone.

    Attributes:
        logits: (B, K, H, W), of a classifier (B, K): the model's own; what it gives in evaluation mode.
        auxiliary: Further logits of the same shape, each with a loss of its own.
        weights: One weight of each auxiliary loss; that of the logits is 1.
    """

    logits: Tensor
    auxiliary: tuple[Tensor, ...]
    weights: tuple[float, ...]
