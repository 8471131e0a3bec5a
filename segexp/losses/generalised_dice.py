"""GeneralisedDice: one Dice of all classes, each weighted by its size."""

from typing import Literal

import torch
from torch import Tensor

from segexp.config.checks.built_words import check_word
from segexp.losses.activations import two_logits
from segexp.losses.base import SegmentationLoss
from segexp.losses.overlap import mean_loss, soft_counts
from segexp.losses.regions import FLAT
from segexp.spec import DataSpec


class GeneralisedDice(SegmentationLoss):
    """1 - 2 sum_c w_c I_c / sum_c w_c (P_c + T_c) with I = sum of p t, P = sum of p, T = sum of t, of class c.

    Sudre et al. 2017, section 2 (GDL). All classes take part, the background too unless ``include_background`` is
    false: with two classes (K = 1) its probability is 1 - p; of the foreground alone the weights cancel. Sums run over
    the valid pixels of the batch, or of each image.

    Activation: sigmoid (K = 1), softmax (K > 1).

    A class absent from the truth has no size; it takes the largest weight among the present ones, so that its
    false pixels are pushed down. No smoothing is needed: a valid pixel has a class, so nothing is divided by 0. Where
    no class that takes part is present, the loss is 1 without a gradient.

    Args:
        weights: ``square``: 1 / T^2 as in the paper; ``simple``: 1 / T; ``uniform``: 1.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
        include_background: Whether class 0 takes part.
    """

    def __init__(
        self,
        weights: Literal["square", "simple", "uniform"] = "square",
        per_image: bool = False,
        include_background: bool = True,
    ) -> None:
        super().__init__()
        check_word("weights", weights, Literal["square", "simple", "uniform"])
        self.power = {"square": 2, "simple": 1, "uniform": 0}[weights]
        self.per_image, self.first = per_image, 0 if include_background else 1
        if not include_background:
            self.exceptions = {"absent_class": FLAT}

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss in [0, 1] of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        sums = soft_counts(two_logits(logits) if logits.shape[1] == 1 else logits, mask, self.per_image)
        truth, shared, predicted = (each[:, self.first :] for each in (sums.truth, sums.intersection, sums.predicted))
        weights = self._weights(truth)
        above = (2.0 * weights * shared).sum(dim=1, keepdim=True)
        below = (weights * (predicted + truth)).sum(dim=1, keepdim=True)
        return mean_loss(above, below, 0.0, sums.counts)

    def _weights(self, truth: Tensor) -> Tensor:
        """Weights in (0, 1] of sizes (G, K): relative to the smallest present class, which leaves the quotient."""
        sizes = torch.where(truth > 0, truth, torch.inf)
        smallest = sizes.amin(dim=1, keepdim=True)
        ratio = torch.where(truth > 0, smallest / sizes, 1.0)
        return ratio**self.power

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""
