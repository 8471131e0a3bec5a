"""Ways to double a feature map and halve its channels."""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError

Upsampling = Literal["transposed", "nearest", "bilinear"]


class Upsample(nn.Module):
    """(B, C, h, w) -> (B, K, H, W) with H of 2h or 2h + 1 and W likewise.

    ``transposed`` is a learned 2x2 convolution with stride 2 (the "up-convolution" of Ronneberger et al.
    2015; the odd last row and column get the bias alone). ``nearest`` and ``bilinear`` reduce the channels by
    a 1x1 convolution and then interpolate: both steps are linear and commute, and this order costs a quarter.
    """

    def __init__(self, in_channels: int, out_channels: int, how: Upsampling) -> None:
        super().__init__()
        if how not in get_args(Upsampling):
            raise ConfigError(f"upsample={how!r} is unknown: use one of {', '.join(get_args(Upsampling))}")
        self.how = how
        self.conv: nn.Conv2d | nn.ConvTranspose2d
        if how == "transposed":
            self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
        else:
            self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)

    def forward(self, features: Tensor, height: int, width: int) -> Tensor:
        """Upsample to exactly ``height`` x ``width``."""
        if isinstance(self.conv, nn.ConvTranspose2d):
            upsampled: Tensor = self.conv(features, output_size=[height, width])
            return upsampled
        reduced = self.conv(features)
        if self.how == "nearest":
            return F.interpolate(reduced, size=(height, width), mode="nearest")
        return F.interpolate(reduced, size=(height, width), mode="bilinear", align_corners=False)
