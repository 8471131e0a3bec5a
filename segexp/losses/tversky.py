"""Tversky: Dice with a price of its own for false and for missed pixels."""

from typing import Literal

from torch import Tensor

from segexp.errors import ConfigError
from segexp.losses.overlap import SoftCounts
from segexp.losses.regions import RegionLoss
from segexp.types import NonNegativeFloat


class Tversky(RegionLoss):
    """1 - (I + s) / (I + alpha FP + beta FN + s), I = sum of p t, FP = sum of p (1 - t), FN = sum of (1 - p) t.

    Salehi et al. 2017, equation 2. alpha = beta = 1/2 is Dice (with half its smoothing), alpha = beta = 1 Jaccard.

    Activation: sigmoid (K = 1), of the foreground alone; softmax (K > 1), and the loss is the mean over all K
    classes. Sums run over the valid pixels of the batch, or of each image.

    A class absent from the truth stays in the mean: its loss is 1 - s / (alpha P + s), 0 when it is not predicted,
    and for s > 0 and alpha > 0 its gradient pushes a false prediction down.

    Args:
        alpha: Price of false positives; 0.3 is the best of the paper.
        beta: Price of false negatives; 0.7 is the best of the paper. Above alpha it favours recall.
        smooth: s, in pixels.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
        include_background: Whether class 0 takes part in the mean over classes; without effect for K = 1.
        class_weights: Weights of the classes in that mean, as of :class:`segexp.losses.regions.RegionLoss`.
        log: Whether the loss of a class is -log of its index, in place of 1 minus that.

    Raises:
        ConfigError: alpha and beta are both 0: no mistake would cost anything. Or a weight is negative, or all are 0.
    """

    def __init__(
        self,
        alpha: NonNegativeFloat = 0.3,
        beta: NonNegativeFloat = 0.7,
        smooth: NonNegativeFloat = 1.0,
        per_image: bool = False,
        include_background: bool = True,
        class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None,
        log: bool = False,
    ) -> None:
        super().__init__(smooth, per_image, include_background, class_weights, log=log)
        if not alpha + beta > 0:
            raise ConfigError("loss.alpha and loss.beta are both 0: no mistake would cost anything, make one positive")
        self.alpha, self.beta = float(alpha), float(beta)

    def ratio(self, sums: SoftCounts) -> tuple[Tensor, Tensor]:
        """Computes numerator and denominator, float32 (G, K) each, see the class."""
        false = sums.predicted - sums.intersection
        missed = sums.truth - sums.intersection
        return sums.intersection, sums.intersection + self.alpha * false + self.beta * missed
