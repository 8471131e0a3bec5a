"""OHEM: cross-entropy of the hardest pixels alone."""

import math
from types import MappingProxyType
from typing import Literal

import torch
from torch import Tensor

from segexp.errors import ConfigError
from segexp.losses.activations import pixel_nll
from segexp.losses.class_weights import ClassWeighted
from segexp.spec import IGNORED, DataSpec
from segexp.types import Fraction, NonNegativeFloat


class OHEM(ClassWeighted):
    """Mean of -w[t] log p[t] over the pixels with the smallest probability p[t] of the true class.

    Online hard example mining (Shrivastava et al. 2016) on pixels, as the online bootstrapping of Wu et al. 2016
    (section 3.2). The pixels are chosen in the whole batch and without the weights w, and the sum is divided by their
    number. Pixels equal to the easiest chosen one share what is left of the number, so order does not matter.

    Activation: sigmoid (K = 1, binary cross-entropy), softmax (K > 1, cross-entropy). An absent class needs no
    rule: pixels count, not classes.

    Args:
        keep: Share of the valid pixels that is always chosen, rounded up; 1 is the plain mean.
        thresh: Every pixel with p[t] up to this is chosen as well; None: only the share.
        class_weights: One non-negative weight per class in the order of the mask values; None is 1 each; ``auto``:
            median-frequency balancing over the training images.

    Raises:
        ConfigError: ``keep`` is 0, a weight is negative, or all are 0.
    """

    exceptions = MappingProxyType(
        {
            "every_pixel": "easy pixels have no part in the loss",
            "absent_class": "easy pixels have no part in the loss",
        }
    )

    def __init__(
        self,
        keep: Fraction = 0.25,
        thresh: Fraction | None = None,
        class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None,
    ) -> None:
        super().__init__(class_weights)
        if not keep > 0:
            raise ConfigError(f"loss.keep={keep:g}: no pixel would be chosen, give a share above 0")
        self.keep = float(keep)
        # As a loss: p <= thresh is -log p >= -log thresh.
        self.hard = math.inf if thresh is None or thresh == 0 else -math.log(thresh)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        losses, valid = pixel_nll(logits, mask), mask != IGNORED
        share, count = self._chosen(losses.detach(), valid)
        weights = self.pixel_weights(mask)
        if weights is not None:
            share = share * weights
        return (losses * share).sum() / count.clamp(min=1)

    def _chosen(self, losses: Tensor, valid: Tensor) -> tuple[Tensor, Tensor]:
        """Share of each pixel in the choice, float32 (B, H, W) of 0..1, and the number chosen, a scalar.

        All counts stay on the device: reading one would make it wait.
        """
        ranked = losses.masked_fill(~valid, -1.0)
        count = (valid.sum() * self.keep).ceil().long()
        if self.hard < math.inf:
            count = count.maximum((ranked >= self.hard).sum())
        last = ranked.flatten().sort(descending=True).values[(count - 1).clamp(min=0)]
        above, equal = ranked > last, (ranked == last) & valid
        left = (count - above.sum()) / equal.sum().clamp(min=1)
        return torch.where(equal, left, above.float()), count

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes.

        Raises:
            MismatchError: The number of weights differs from it.
        """
        self.check_weights(spec, "ohem")
