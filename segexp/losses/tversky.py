"""Tversky: Dice with a price of its own for false and for missed pixels."""

from torch import Tensor

from segexp.errors import ConfigError
from segexp.losses.base import SegmentationLoss
from segexp.losses.overlap import SoftCounts, class_losses, group_mean, soft_counts
from segexp.spec import DataSpec
from segexp.types import NonNegativeFloat


class Tversky(SegmentationLoss):
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

    Raises:
        ConfigError: alpha and beta are both 0: no mistake would cost anything.
    """

    def __init__(
        self,
        alpha: NonNegativeFloat = 0.3,
        beta: NonNegativeFloat = 0.7,
        smooth: NonNegativeFloat = 1.0,
        per_image: bool = False,
    ) -> None:
        super().__init__()
        if not alpha + beta > 0:
            raise ConfigError("loss.alpha and loss.beta are both 0: no mistake would cost anything, make one positive")
        self.alpha, self.beta = float(alpha), float(beta)
        self.smooth, self.per_image = float(smooth), per_image

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss in [0, 1] of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        sums = soft_counts(logits, mask, self.per_image)
        return group_mean(self.losses(sums), sums.counts)

    def losses(self, sums: SoftCounts) -> Tensor:
        """Loss of each class, float32 (G, K)."""
        false = sums.predicted - sums.intersection
        missed = sums.truth - sums.intersection
        below = sums.intersection + self.alpha * false + self.beta * missed
        return class_losses(sums.intersection, below, self.smooth)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""
