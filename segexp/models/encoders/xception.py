"""Aligned Xception as DeepLab-V3+ deepens it (Chen et al. 2018, figure 4), after Chollet 2017."""

from collections.abc import Callable, Sequence
from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.encoders.base import Encoder, init_weights
from segexp.models.projection import Projection

XceptionStride = Literal[8, 16, 32]
FIRST = 32
"""Channels of the first convolution in the paper; all widths are given for it."""


class SeparableConv(nn.Sequential):
    """A 3x3 filter per channel and a 1x1 convolution, batch norm after each, ReLU after the first (and the second).

    Stride and dilation are the filters'; a stride of s gives sizes divided by s, rounded up.
    """

    def __init__(
        self, in_channels: int, out_channels: int, stride: int = 1, rate: int = 1, *, relu: bool = True
    ) -> None:
        depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride=stride, padding=rate, dilation=rate, groups=in_channels, bias=False
        )
        pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        layers = [
            depthwise,
            nn.BatchNorm2d(in_channels),
            nn.ReLU(inplace=True),
            pointwise,
            nn.BatchNorm2d(out_channels),
        ]
        super().__init__(*layers, *([nn.ReLU(inplace=True)] if relu else []))


class XceptionBlock(nn.Module):
    """Three separable convolutions, each after a ReLU, plus the input, or its projection by 1x1 where sizes differ.

    The third strides: in the original a pooling stood there, which let no filter see all of its input.
    """

    def __init__(self, in_channels: int, widths: Sequence[int], stride: int = 1, rate: int = 1) -> None:
        super().__init__()
        first, second, out = widths
        self.first = SeparableConv(in_channels, first, rate=rate, relu=False)
        self.second = SeparableConv(first, second, rate=rate, relu=False)
        self.third = SeparableConv(second, out, stride, rate, relu=False)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or in_channels != out:
            project = Projection(in_channels, out, kernel_size=1, stride=stride, bias=False)
            self.shortcut = nn.Sequential(project, nn.BatchNorm2d(out))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """(B, C, h, w) -> (B, K, h / stride, w / stride), and what the second convolution gave, at the input's size."""
        inner: Tensor = self.second(F.relu(self.first(F.relu(features))))
        return self.third(F.relu(inner)) + self.shortcut(features), inner


class Xception(Encoder):
    """Entry, middle and exit flow; poolings are strided separable convolutions.

    With output stride 16 or 8 the last one or two strides become 1, and what follows dilates.

    Args:
        in_channels: C.
        base: Channels of the first convolution; 32 in the paper, all widths go with it.
        middle_blocks: Blocks of the middle flow; 16 in the paper, 8 in the original Xception.
        output_stride: Pixels of the image per value of the last map.
    """

    def __init__(
        self, in_channels: int, base: int = FIRST, middle_blocks: int = 16, output_stride: XceptionStride = 16
    ) -> None:
        super().__init__()
        if output_stride not in get_args(XceptionStride):
            raise ConfigError(f"output_stride={output_stride} is not possible: use 8, 16 or 32")
        wide: Callable[[int], int] = lambda width: max(1, width * base // FIRST)  # noqa: E731 - short
        third, last = {32: (2, 2), 16: (2, 1), 8: (1, 1)}[output_stride]
        middle = 1 if third == 2 else 2
        end = middle if last == 2 else 2 * middle
        self.stem = nn.Sequential(*_conv(in_channels, wide(32), 2), *_conv(wide(32), wide(64), 1))
        self.entry = nn.ModuleList(
            [
                XceptionBlock(wide(64), [wide(128)] * 3, stride=2),
                XceptionBlock(wide(128), [wide(256)] * 3, stride=2),
                XceptionBlock(wide(256), [wide(728)] * 3, stride=third),
            ]
        )
        self.middle = nn.ModuleList(
            XceptionBlock(wide(728), [wide(728)] * 3, rate=middle) for _ in range(middle_blocks)
        )
        self.exit = XceptionBlock(wide(728), [wide(728), wide(1024), wide(1024)], last, middle)
        self.end = nn.Sequential(
            SeparableConv(wide(1024), wide(1536), rate=end),
            SeparableConv(wide(1536), wide(1536), rate=end),
            SeparableConv(wide(1536), wide(2048), rate=end),
        )
        self.widths = [wide(256), wide(2048)]
        self.apply(init_weights)

    def forward(self, image: Tensor) -> Sequence[Tensor]:
        """The low-level map of stride 4, before the second block strides, and the last map."""
        features: Tensor = self.stem(image)
        inner = []
        for block in (*self.entry, *self.middle, self.exit):
            features, seen = block(features)
            inner.append(seen)
        return inner[1], self.end(F.relu(features))


def _conv(in_channels: int, out_channels: int, stride: int) -> list[nn.Module]:
    conv = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
    return [conv, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)]
