"""From logits to what losses count, blind to ignored pixels: their logits reach neither value nor gradient."""

import torch
from torch import Tensor
from torch.nn import functional as F

from segexp.losses.targets import class_numbers, foreground
from segexp.spec import IGNORED

SURELY_BACKGROUND = -1e4
"""A logit whose loss against background, and its gradient, are exactly 0 in float32."""


def pixel_nll(logits: Tensor, mask: Tensor) -> Tensor:
    """Computes -log of the probability of the true class, exactly 0 at ignored pixels.

    Two classes (K = 1): of the sigmoid, which is the softmax over the logits (0, x). More: of the softmax.

    Args:
        logits: float (B, K, H, W).
        mask: uint8 (B, H, W), 255 is ignored.

    Returns:
        float32 (B, H, W), 0 or more.
    """
    ignored = mask == IGNORED
    if logits.shape[1] == 1:
        certain = torch.where(ignored, SURELY_BACKGROUND, logits[:, 0].float())
        return F.binary_cross_entropy_with_logits(certain, foreground(mask), reduction="none")
    # log_softmax and gather: torch's negative log-likelihood has no deterministic kernel on CUDA.
    log_p = torch.log_softmax(logits.float().masked_fill(ignored.unsqueeze(1), 0.0), dim=1)
    true = log_p.gather(1, class_numbers(mask).unsqueeze(1)).squeeze(1)
    return -true.masked_fill(ignored, 0.0)


def probabilities(logits: Tensor, ignored: Tensor) -> Tensor:
    """Computes the sigmoid of the foreground (K = 1) or the softmax (K > 1), 0 at ignored pixels.

    Args:
        logits: float (B, K, H, W).
        ignored: bool (B, 1, H, W).

    Returns:
        float32 (B, K, H, W).
    """
    if logits.shape[1] == 1:
        return torch.sigmoid(logits.float().masked_fill(ignored, -torch.inf))
    # Filled before the softmax so that no logit there reaches the gradient, zeroed after it to count
    # nothing.
    return torch.softmax(logits.float().masked_fill(ignored, 0.0), dim=1) * (~ignored).float()


def two_logits(logits: Tensor) -> Tensor:
    """Stacks (0, x) for the foreground logit x: (B, 1, H, W) -> (B, 2, H, W), whose softmax holds both classes."""
    logits = logits.float()  # under autocast, cat takes no mixture of types
    return torch.cat((torch.zeros_like(logits), logits), dim=1)
