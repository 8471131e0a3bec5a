"""WNet: two little U-Nets in a row, 68,482 parameters (Galdran et al. 2022)."""

from typing import Literal

import torch
from torch import Tensor, nn

from segexp.models.auxiliary import Supervised
from segexp.models.little_unet import LittleUNet
from segexp.types import Depth, NonNegativeFloat, PositiveInt


class WNet(nn.Module):
    """The first net segments; the second sees the image and the first's logits, and corrects them.

    Sci Rep 12:6174, "State-of-the-art retinal vessel segmentation with minimalistic models": 68,482 parameters for
    RGB and one logit. The logits are handed on raw, as in the authors' program, not as probabilities.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage of each net; each deeper one has twice as many.
        depth: Number of stages of each net, the bottom included.
        upsample: How the decoders double a feature map, see :class:`~segexp.models.upsampling.Upsample`.
        auxiliary_weight: Weight of the loss on the first net's logits in training, beside 1 for the second's;
            0 turns it off.
        bed_of_nails: Where ``upsample=bed_of_nails`` puts each value, see there.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 8,
        depth: Depth = 3,
        upsample: Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"] = "transposed",
        auxiliary_weight: NonNegativeFloat = 1.0,
        bed_of_nails: Literal["first", "random"] = "first",
    ) -> None:
        super().__init__()
        self.first = LittleUNet(in_channels, out_channels, base, depth, upsample, bed_of_nails)
        self.second = LittleUNet(in_channels + out_channels, out_channels, base, depth, upsample, bed_of_nails)
        self.auxiliary_weight = float(auxiliary_weight)

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 2^depth.

        Returns:
            Logits (B, K, H, W) of the second net; in training with an auxiliary weight, a Supervised with the first's.

        Raises:
            InputSizeError: H or W is too small.
        """
        first: Tensor = self.first(image)
        logits: Tensor = self.second(torch.cat((image, first), dim=1))
        if self.training and self.auxiliary_weight > 0:
            return Supervised(logits, (first,), (self.auxiliary_weight,))
        return logits
