"""LittleUNet: a U-Net of 34,201 parameters with residual stages (Galdran et al. 2022)."""

from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.models.convs import he_init
from segexp.models.sizes import require_size
from segexp.models.upsampling import Upsample
from segexp.types import Depth, PositiveInt


class LittleUNet(nn.Module):
    """The building block of W-Net (Sci Rep 12:6174), good enough alone for retinal vessels.

    A stage is twice 3x3 convolution, ReLU, batch norm, beside a shortcut of 1x1 convolution and batch norm. Each
    skip connection has a bridge of 3x3 convolution, ReLU and batch norm. Stages have ``base``, 2 ``base``,
    4 ``base`` ... channels: 34,201 parameters for 8-16-32, RGB and one logit, as published.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; each deeper one has twice as many.
        depth: Number of stages, the bottom included.
        upsample: How the decoder doubles a feature map, see :class:`~segexp.models.upsampling.Upsample`.
        bed_of_nails: Where ``upsample=bed_of_nails`` puts each value, see there.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 8,
        depth: Depth = 3,
        upsample: Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"] = "transposed",
        bed_of_nails: Literal["first", "random"] = "first",
    ) -> None:
        super().__init__()
        self.depth, self.unpools = depth, upsample == "unpool"
        widths = [base * 2**stage for stage in range(depth)]
        steps = list(pairwise(widths))
        self.encoder = nn.ModuleList(_Residual(before, after) for before, after in [(in_channels, base), *steps])
        self.upsample = nn.ModuleList(Upsample(low, high, upsample, bed_of_nails) for high, low in reversed(steps))
        self.bridge = nn.ModuleList(nn.Sequential(*_conv(high, high)) for high, _ in reversed(steps))
        # Twice the width comes in: the upsampled map beside the encoder's.
        self.decoder = nn.ModuleList(_Residual(2 * high, high) for high, _ in reversed(steps))
        self.head = nn.Conv2d(base, out_channels, kernel_size=1)
        for stages in (self.encoder, self.bridge, self.decoder):
            stages.apply(he_init)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 2^depth: batch norm needs two values at the bottom.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is too small.
        """
        require_size(f"LittleUNet of depth {self.depth}", image, 1 << self.depth)
        skips = [features := self.encoder[0](image)]
        for stage in self.encoder[1:]:
            features = stage(F.max_pool2d(features, 2))
            skips.append(features)
        skips.pop()  # the bottom is where the decoder starts
        for upsample, bridge, stage in zip(self.upsample, self.bridge, self.decoder, strict=True):
            skip = skips.pop()
            indices = F.max_pool2d(skip, 2, return_indices=True)[1] if self.unpools else None
            upsampled = upsample(features, skip.shape[-2], skip.shape[-1], indices)
            features = stage(torch.cat((upsampled, bridge(skip)), dim=1))
        logits: Tensor = self.head(features)
        return logits


class _Residual(nn.Module):
    """(B, in_channels, H, W) -> (B, out_channels, H, W)."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.body = nn.Sequential(*_conv(in_channels, out_channels), *_conv(out_channels, out_channels))
        # Without bias: that of the batch norm does its work.
        narrow = nn.Conv2d(in_channels, out_channels, kernel_size=1, bias=False)
        self.shortcut = nn.Sequential(narrow, nn.BatchNorm2d(out_channels))

    def forward(self, features: Tensor) -> Tensor:
        residual: Tensor = self.body(features) + self.shortcut(features)
        return residual


def _conv(in_channels: int, out_channels: int) -> list[nn.Module]:
    """3x3 convolution, ReLU, batch norm: in the order of the published network."""
    conv = nn.Conv2d(in_channels, out_channels, kernel_size=3, padding=1)
    return [conv, nn.ReLU(inplace=True), nn.BatchNorm2d(out_channels)]
