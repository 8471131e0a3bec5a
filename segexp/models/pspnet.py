"""PSPNet: dilated ResNet and pyramid pooling (Zhao et al. 2017)."""

from typing import Literal

import torch
from torch import Tensor, nn

from segexp.models.auxiliary import Supervised
from segexp.models.deeplab import AuxiliaryHead, resize_like
from segexp.models.encoders.base import init_weights
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.resnet import ResNet
from segexp.models.pooling import PooledNorm, adaptive_average
from segexp.models.sizes import require_size
from segexp.types import NonNegativeFloat, PositiveInt

BINS = (1, 2, 3, 6)
"""Fields along each side at the four levels of the pyramid (section 3.2)."""


class PspNet(nn.Module):
    """Features of a ResNet at stride 8 beside their means over 1x1, 2x2, 3x3 and 6x6 fields of the image.

    ResNet-50, RGB, 1 output: 48,942,402 parameters, of which 2,360,065 are the auxiliary output's, which only training
    uses. The ResNet is torchvision's, whose weights are published; the authors' has three 3x3 convolutions in place
    of the 7x7.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the ResNet's stem; all widths go with it.
        encoder: Which ResNet.
        auxiliary_weight: Weight of a second loss on logits from the ResNet's third layer while training, 0.4 in the
            paper; 0: no such output.
        pretrained: ImageNet weights of the ResNet, see :func:`~segexp.models.encoders.pretrained.load_pretrained`.
        freeze_encoder: Whether the ResNet stays as it is.

    Raises:
        ConfigError: There is no such encoder, or no pretrained weights for this base.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        encoder: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet50",
        auxiliary_weight: NonNegativeFloat = 0.4,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        self.auxiliary_weight = auxiliary_weight
        self.encoder = ResNet(in_channels, encoder, base, output_stride=8)
        third, last = self.encoder.widths[-2:]
        self.pyramid = nn.ModuleList(_level(last, last // len(BINS), bins) for bins in BINS)
        width = 8 * base
        self.head = nn.Sequential(
            nn.Conv2d(2 * last, width, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Dropout(0.1),
            nn.Conv2d(width, out_channels, kernel_size=1),
        )
        self.pyramid.apply(init_weights)
        self.head.apply(init_weights)
        self.auxiliary = AuxiliaryHead(third, out_channels) if auxiliary_weight > 0 else None
        load_pretrained(self.encoder, encoder, pretrained, base, freeze=freeze_encoder)

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 16.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast); in training mode with an
            auxiliary weight, ``Supervised``.

        Raises:
            InputSizeError: H or W is below 16.
        """
        require_size("PspNet (output stride 8)", image, 16)
        *_, third, last = self.encoder(image)
        levels = [
            resize_like(level(adaptive_average(last, bins)), last)
            for level, bins in zip(self.pyramid, BINS, strict=True)
        ]
        logits = resize_like(self.head(torch.cat([last, *levels], dim=1)), image)
        if self.auxiliary is None or not self.training:
            return logits
        return Supervised(logits, (resize_like(self.auxiliary(third), image),), (self.auxiliary_weight,))


def _level(in_channels: int, out_channels: int, bins: int) -> nn.Sequential:
    """1x1 convolution, batch norm, ReLU on the means of one level."""
    norm = PooledNorm(out_channels) if bins == 1 else nn.BatchNorm2d(out_channels)
    return nn.Sequential(nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False), norm, nn.ReLU(inplace=True))
