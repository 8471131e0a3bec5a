"""CrossEntropy: cross-entropy of the softmax over the logits of the classes."""

from typing import Literal

import torch
from torch import Tensor

from segexp.errors import MismatchError
from segexp.losses.base import describe_classes
from segexp.losses.class_weights import ClassWeighted
from segexp.spec import IGNORED, DataSpec
from segexp.types import Fraction, NonNegativeFloat


class CrossEntropy(ClassWeighted):
    """Weighted mean over the valid pixels of -log softmax(x)[t], for K > 1 logit channels.

    Activation: softmax. An absent class needs no rule: pixels count, not classes. With weights the mean
    divides by the sum of the weights of the valid pixels, as ``torch.nn.CrossEntropyLoss`` does; it is 0 where
    that sum is 0.

    Args:
        class_weights: One non-negative weight per class in the order of the mask values; None is 1 each;
            ``auto``: median-frequency balancing over the training images, see :func:`median_frequency`.
        label_smoothing: e in [0, 1]: the target is 1 - e on the true class plus e / K on every class (Szegedy
            et al. 2016, section 7).

    Raises:
        ConfigError: A weight is negative, or all are 0.
    """

    def __init__(
        self,
        class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None,
        label_smoothing: Fraction = 0.0,
    ) -> None:
        super().__init__(class_weights)
        self.label_smoothing = label_smoothing

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, K, H, W) and mask uint8 (B, H, W) of 0..K-1 and 255 (ignored): float32."""
        # log_softmax and gather: torch's negative log-likelihood has no deterministic kernel on CUDA.
        ignored = mask == IGNORED
        weights = self.weights_in_force()
        log_p = torch.log_softmax(logits.float().masked_fill(ignored.unsqueeze(1), 0.0), dim=1)
        target = mask.masked_fill(ignored, 0).long()
        valid = ~ignored if weights is None else weights[target].masked_fill(ignored, 0.0)
        true_p = log_p.gather(1, target.unsqueeze(1)).squeeze(1)
        total = -(true_p * valid).sum()
        if self.label_smoothing > 0:
            spread = _spread(log_p, ignored, weights)
            total = (1.0 - self.label_smoothing) * total + self.label_smoothing * spread
        weight = valid.sum()
        return torch.where(weight > 0, total / weight.masked_fill(weight == 0, 1.0), total * 0.0)

    def check(self, spec: DataSpec) -> None:
        """Needs a logit for each class, and as many weights.

        Raises:
            MismatchError: There are two classes with one logit, or the number of weights differs.
        """
        if spec.out_channels == 1:
            raise MismatchError(
                f"loss=ce needs three classes or more, the data has {describe_classes(spec)}: use loss=bce, or a "
                "logit for each of two, task.two_logits=true"
            )
        self.check_weights(spec, "ce")


def _spread(log_p: Tensor, ignored: Tensor, weights: Tensor | None) -> Tensor:
    """The weighted sum of -log p over the pixels against a target of 1 / K on every class."""
    if weights is not None:
        log_p = log_p * weights.view(1, -1, 1, 1)
    return -log_p.mean(dim=1).masked_fill(ignored, 0.0).sum()
