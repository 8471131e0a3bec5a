"""Focal: cross-entropy that turns away from pixels which are already right."""

from typing import Literal

import torch
from torch import Tensor

from segexp.errors import MismatchError
from segexp.losses.activations import pixel_nll
from segexp.losses.base import describe_classes
from segexp.losses.class_weights import ClassWeighted
from segexp.spec import IGNORED, DataSpec
from segexp.types import Fraction, NonNegativeFloat

_TINY = 1e-8
"""Below this 1 - p is taken as constant: its power has no finite slope at 0 for an exponent below 1."""


class Focal(ClassWeighted):
    """Mean over the valid pixels of -a[t] (1 - p[t])^g log p[t], p[t] the probability of the true class.

    Lin et al. 2017, equation 5, but divided by the number of valid pixels, whatever the weights a. g = 0 and no
    weights is the cross-entropy.

    Activation: sigmoid (K = 1), softmax (K > 1). An absent class needs no rule: pixels count, not classes.

    Args:
        gamma: g; 2 in the paper.
        alpha: For two classes a number: the weight of foreground pixels, 1 - alpha being that of background
            (0.25 in the paper). A list: one non-negative weight per class in the order of the mask values. None
            is 1 each; ``auto``: median-frequency balancing over the training images.

    Raises:
        ConfigError: A weight is negative, or all are 0.
    """

    def __init__(
        self, gamma: NonNegativeFloat = 2.0, alpha: Fraction | list[NonNegativeFloat] | Literal["auto"] | None = None
    ) -> None:
        weights = [1.0 - alpha, alpha] if isinstance(alpha, int | float) else alpha
        super().__init__(weights, key="alpha")
        self.gamma = float(gamma)
        self._one_number = isinstance(alpha, int | float)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        losses, weights = pixel_nll(logits, mask), self.pixel_weights(mask)
        if self.gamma > 0:
            # 1 - p from -log p: exact also where p is so near to 1 that 1 - p would round to 0.
            losses = (-torch.expm1(-losses)).clamp(min=_TINY) ** self.gamma * losses
        total = losses.sum() if weights is None else (losses * weights).sum()
        return total / (mask != IGNORED).count_nonzero().clamp(min=1)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes.

        Raises:
            MismatchError: ``alpha`` is one number for other than two classes, or a list of another length.
        """
        if self._one_number and spec.out_channels != 1:
            raise MismatchError(
                f"alpha of loss=focal is one number, which is for two classes; the data has {describe_classes(spec)}: "
                "give a list of one weight per class, auto or null"
            )
        self.check_weights(spec, "focal")
