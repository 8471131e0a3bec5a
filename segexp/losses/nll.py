"""NLL: negative log-likelihood of the true class, averaged over pixels."""

from typing import Literal

from torch import Tensor

from segexp.losses.activations import pixel_nll
from segexp.losses.class_weights import ClassWeighted
from segexp.spec import IGNORED, DataSpec
from segexp.types import NonNegativeFloat


class NLL(ClassWeighted):
    """Sum over the valid pixels of w[t] (-log p[t]), over their number: the plain mean, for any number of classes.

    Activation: softmax (K > 1), sigmoid (K = 1), which is the softmax over the logits (0, x) of the two classes.

    Without weights it is ``ce`` for K > 1 and ``bce`` for K = 1. With weights it divides by the number of pixels
    where ``ce`` divides by the sum of their weights, so a batch of rare pixels counts more than one of common
    ones. An absent class needs no rule: pixels count, not classes.

    Args:
        class_weights: One non-negative weight per class in the order of the mask values, also for two classes;
            None is 1 each; ``auto``: median-frequency balancing over the training images.

    Raises:
        ConfigError: A weight is negative, or all are 0.
    """

    def __init__(self, class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None) -> None:
        super().__init__(class_weights)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        losses, weights = pixel_nll(logits, mask), self.pixel_weights(mask)
        total = losses.sum() if weights is None else (losses * weights).sum()
        return total / (mask != IGNORED).count_nonzero().clamp(min=1)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes.

        Raises:
            MismatchError: The number of weights differs from it.
        """
        self.check_weights(spec, "nll")
