"""Base of the losses of whole regions: soft counts of overlap, and a ratio of them."""

from abc import abstractmethod

from torch import Tensor

from segexp.losses.base import SegmentationLoss
from segexp.losses.overlap import SoftCounts, mean_loss, soft_counts
from segexp.spec import DataSpec
from segexp.types import NonNegativeFloat


class RegionLoss(SegmentationLoss):
    """1 - (n + s) / (d + s) of sums n and d that a subclass takes from the soft counts of overlap.

    Args:
        smooth: s, in pixels.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
    """

    def __init__(self, smooth: NonNegativeFloat = 1.0, per_image: bool = False) -> None:
        super().__init__()
        self.smooth, self.per_image = float(smooth), per_image

    @abstractmethod
    def ratio(self, sums: SoftCounts) -> tuple[Tensor, Tensor]:
        """Computes numerator n and denominator d, float32 (G, K) each, see :class:`SoftCounts`."""

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss in [0, 1] of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        sums = soft_counts(logits, mask, self.per_image)
        return mean_loss(*self.ratio(sums), self.smooth, sums.counts)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes."""
