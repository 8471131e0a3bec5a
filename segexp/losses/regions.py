"""Base of the losses of whole regions: soft counts of overlap, a ratio of them, and which classes have a part in it."""

from abc import abstractmethod
from typing import Literal

from torch import Tensor

from segexp.errors import MismatchError
from segexp.losses.class_weights import WithClassWeights
from segexp.losses.overlap import SoftCounts, class_losses, coefficients, group_mean, soft_counts
from segexp.spec import DataSpec
from segexp.types import NonNegativeFloat

_SMALLEST = 1e-12
"""Coefficient below which the logarithm is constant: it has no finite slope at 0."""


FLAT = "without the background, and with squares, an absent class may take over pixels of another one that is absent"
"""Why such a loss lets the logit of a class that is nowhere rise at some pixels."""


class RegionLoss(WithClassWeights):
    """1 - (n + s) / (d + s) of sums n and d that a subclass takes from the soft counts of overlap.

    Args:
        smooth: s, in pixels.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
        include_background: Whether class 0 takes part in the mean over classes; without effect for K = 1, where the
            foreground alone does.
        class_weights: Weights of the classes in that mean, which divides by their sum: one of 0 or more per class in
            the order of the mask values; None is 1 each; ``auto``: median-frequency balancing over the training images.
        squared: Whether p^2 stands for p, and t^2 for t, in the sums P and T below the line.
        log: Whether the loss of a class is -log of its coefficient, in place of 1 minus that.

    Raises:
        ConfigError: A weight is negative, or all are 0.
    """

    def __init__(
        self,
        smooth: NonNegativeFloat = 1.0,
        per_image: bool = False,
        include_background: bool = True,
        class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None,
        squared: bool = False,
        log: bool = False,
    ) -> None:
        super().__init__(class_weights)
        self.smooth, self.per_image = float(smooth), per_image
        self.include_background, self.squared, self.log = include_background, squared, log
        if squared or not (include_background or log or class_weights):
            self.exceptions = {"absent_class": FLAT}

    @abstractmethod
    def ratio(self, sums: SoftCounts) -> tuple[Tensor, Tensor]:
        """Computes numerator n and denominator d, float32 (G, K) each, see :class:`SoftCounts`."""

    def losses(self, sums: SoftCounts) -> Tensor:
        """Loss of each class, float32 (G, K): in [0, 1], or with ``log`` 0 or more."""
        if self.log:
            return -coefficients(*self.ratio(sums), self.smooth).clamp(min=_SMALLEST).log()
        return class_losses(*self.ratio(sums), self.smooth)

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Loss of logits (B, K, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        sums = soft_counts(logits, mask, self.per_image, self.squared)
        losses, weights = self.losses(sums), self.weights_in_force()
        if not self.include_background and logits.shape[1] > 1:
            losses, weights = losses[:, 1:], None if weights is None else weights[1:]
        return group_mean(losses, sums.counts, weights)

    def check(self, spec: DataSpec) -> None:
        """Fits any number of classes; weights need a logit for each.

        Raises:
            MismatchError: There are weights for two classes with one logit, or of another number than the classes, or
                of no class that takes part.
        """
        name = type(self).__name__
        if spec.out_channels == 1 and (self.needs_counts or self.class_weights is not None):
            raise MismatchError(
                f"loss.class_weights: {name} of two classes with one logit is of the second class alone, which weighs "
                "nothing against another; leave it null, or give each a logit, task.two_logits=true"
            )
        self.check_weights(spec, name)
        if not self.include_background and self.class_weights is not None and not bool(self.class_weights[1:].any()):
            raise MismatchError(
                f"loss.class_weights: {name} found 0 for every class but the first, which include_background=false "
                "leaves out; give another class a weight above 0"
            )
