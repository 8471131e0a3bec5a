"""MiniGoogLeNet: a small Inception network for images of 32x32 pixels (Zhang et al. 2017, appendix A)."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.models.classifier import Classifier
from segexp.models.encoders.base import init_weights
from segexp.models.norms import make_norm
from segexp.models.sizes import require_size
from segexp.types import PositiveInt

STAGES: tuple[tuple[tuple[int, int], ...], ...] = (
    ((32, 32), (32, 48)),
    ((112, 48), (96, 64), (80, 80), (48, 96)),
    ((176, 160), (176, 160)),
)
"""Inception modules of each stage: filters of their 1x1 and 3x3 convolutions."""

DOWN = (80, 96)
"""Filters of the convolutions of the modules between stages, which halve the map."""

Norm = Literal["none", "batch"]


class MiniGoogLeNet(Classifier):
    """Conv, inception and downsample modules, global average pooling, one linear layer.

    At base 96, RGB and ten classes: 1,649,402 parameters without norm, as the paper states, 1,651,114 with it (the
    paper counts the shift of a batch norm and not its scale). 32x32 pixels end in 336 maps of 8x8 values.

    Args:
        in_channels: C, given by the data.
        out_channels: K classes, given by the data.
        base: Filters of the first convolution; all widths go with it.
        norm: ``batch``: batch norm between convolution and ReLU; ``none``: a bias in its place, the paper's "Inception
            without BatchNorm".
    """

    smallest = 5

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 96,
        norm: Norm = "batch",
    ) -> None:
        super().__init__()
        width = _Widths(base, norm)
        modules: list[nn.Module] = [width.conv(in_channels, 96, 3)]
        channels = width(96)
        for number, stage in enumerate(STAGES):
            if number:
                modules.append(Downsample(channels, width, DOWN[number - 1]))
                channels += width(DOWN[number - 1])
            for narrow, wide in stage:
                modules.append(Inception(channels, width, narrow, wide))
                channels = width(narrow) + width(wide)
        self.stages = nn.Sequential(*modules)
        self.classifier = nn.Linear(channels, out_channels)
        self.apply(init_weights)

    @property
    def head(self) -> nn.Linear:
        """The last layer: weight (K, 336) and bias (K,)."""
        return self.classifier

    def features(self, image: Tensor) -> Tensor:
        """The maps of the last module: (B, C, H, W) -> (B, 336, H/4, W/4), rounded up.

        Raises:
            InputSizeError: H or W is below 5.
        """
        require_size("MiniGoogLeNet", image, self.smallest)
        maps: Tensor = self.stages(image)
        return maps


class _Widths:
    """Filters scaled by the base, and convolutions with norm and ReLU."""

    def __init__(self, base: int, norm: Norm) -> None:
        self.base, self.norm = base, norm

    def __call__(self, filters: int) -> int:
        return max(1, filters * self.base // 96)

    def conv(self, in_channels: int, filters: int, kernel: int, stride: int = 1) -> nn.Sequential:
        """Convolution that keeps the size, or halves it rounded up."""
        out, bias = self(filters), self.norm == "none"
        conv = nn.Conv2d(in_channels, out, kernel, stride=stride, padding=kernel // 2, bias=bias)
        return nn.Sequential(conv, *make_norm(self.norm, out), nn.ReLU(inplace=True))


class Inception(nn.Module):
    """A 1x1 and a 3x3 convolution side by side, (B, C, h, w) -> (B, narrow + wide, h, w)."""

    def __init__(self, in_channels: int, width: _Widths, narrow: int, wide: int) -> None:
        super().__init__()
        self.narrow = width.conv(in_channels, narrow, 1)
        self.wide = width.conv(in_channels, wide, 3)

    def forward(self, features: Tensor) -> Tensor:
        """Both beside each other."""
        return torch.cat([self.narrow(features), self.wide(features)], dim=1)


class Downsample(nn.Module):
    """A 3x3 convolution and a 3x3 max-pooling of stride 2 side by side, (B, C, h, w) -> (B, filters + C, h/2, w/2)."""

    def __init__(self, in_channels: int, width: _Widths, filters: int) -> None:
        super().__init__()
        self.conv = width.conv(in_channels, filters, 3, stride=2)

    def forward(self, features: Tensor) -> Tensor:
        """Both beside each other; sizes are rounded up."""
        pooled = F.max_pool2d(features, kernel_size=3, stride=2, padding=1)
        return torch.cat([self.conv(features), pooled], dim=1)
