"""FocalTversky: a root of the Tversky loss of each class."""

from typing import Literal

import torch
from torch import Tensor

from segexp.losses.overlap import SoftCounts
from segexp.losses.tversky import Tversky
from segexp.types import NonNegativeFloat, PositiveFloat

_NOTHING = 1e-6
"""A Tversky loss up to this is 0, within float32 rounding; the root has no finite slope there."""


class FocalTversky(Tversky):
    """Mean over the classes of (1 - TI_c)^(1 / gamma), TI_c the Tversky index of class c, see :class:`Tversky`.

    Abraham & Khan 2019, equation 4. The exponent is the *inverse* of gamma, as printed there: gamma = 4/3 is the
    power 0.75, and gamma > 1 raises the share of classes that are nearly right. Other programs call the exponent
    itself gamma. The paper's alpha and beta stand the other way round: its alpha = 0.7 is the price of false
    negatives, which is ``beta`` here.

    Activation: sigmoid (K = 1), of the foreground alone; softmax (K > 1). Sums run over the valid pixels of the
    batch, or of each image.

    A class absent from the truth stays in the mean with the same power of its Tversky loss 1 - s / (alpha P + s).

    Args:
        gamma: 1 to 3 in the paper, 4/3 its best; 1 is the Tversky loss.
        alpha: Price of false positives.
        beta: Price of false negatives.
        smooth: s, in pixels.
        per_image: Mean of each image's own loss instead of one loss of the whole batch; images without a
            valid pixel are left out.
        include_background: Whether class 0 takes part in the mean over classes; without effect for K = 1.
        class_weights: Weights of the classes in that mean, as of :class:`segexp.losses.regions.RegionLoss`.

    Raises:
        ConfigError: alpha and beta are both 0, a weight is negative, or all are 0.
    """

    def __init__(
        self,
        gamma: PositiveFloat = 4 / 3,
        alpha: NonNegativeFloat = 0.3,
        beta: NonNegativeFloat = 0.7,
        smooth: NonNegativeFloat = 1.0,
        per_image: bool = False,
        include_background: bool = True,
        class_weights: list[NonNegativeFloat] | Literal["auto"] | None = None,
    ) -> None:
        super().__init__(alpha, beta, smooth, per_image, include_background, class_weights)
        self.exponent = 1.0 / gamma

    def losses(self, sums: SoftCounts) -> Tensor:
        """Power of the Tversky loss of each class, float32 (G, K)."""
        losses = super().losses(sums)
        return torch.where(losses > _NOTHING, losses.clamp(min=_NOTHING) ** self.exponent, 0.0)
