"""ResNet-18/34/50/101 (He et al. 2016) in torchvision's layout, with dilation in place of late strides."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Literal

from torch import Tensor, nn

from segexp.config.checks.built_words import check_word
from segexp.models.encoders.base import Encoder, init_weights
from segexp.models.projection import Projection

ResNetName = Literal["resnet18", "resnet34", "resnet50", "resnet101"]
OutputStride = Literal[8, 16, 32]

DEPTHS: dict[str, tuple[int, int, int, int]] = {
    "resnet18": (2, 2, 2, 2),
    "resnet34": (3, 4, 6, 3),
    "resnet50": (3, 4, 6, 3),
    "resnet101": (3, 4, 23, 3),
}
"""Blocks of the four layers."""


class ResidualBlock(nn.Module, ABC):
    """Residual block: ReLU(changes of the input + the input, or its projection by 1x1 where sizes differ)."""

    expansion: int

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.downsample: nn.Sequential | None = None
        if stride != 1 or in_channels != out_channels:
            project = Projection(in_channels, out_channels, kernel_size=1, stride=stride, bias=False)
            self.downsample = nn.Sequential(project, nn.BatchNorm2d(out_channels))

    def forward(self, features: Tensor) -> Tensor:
        """(B, in, h, w) -> (B, out, h / stride, w / stride), rounded up."""
        shortcut = features if self.downsample is None else self.downsample(features)
        activated: Tensor = self.relu(self.change(features) + shortcut)
        return activated

    @abstractmethod
    def change(self, features: Tensor) -> Tensor:
        """Computes what the block adds to its input, (B, in, h, w) -> (B, out, h / stride, w / stride)."""


class BasicBlock(ResidualBlock):
    """Two 3x3 convolutions. ``before`` is the dilation of the first (which strides), ``dilation`` of the second."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, before: int, dilation: int) -> None:
        super().__init__(in_channels, width, stride)
        self.conv1 = _conv3x3(in_channels, width, stride, before)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, 1, dilation)
        self.bn2 = nn.BatchNorm2d(width)

    def change(self, features: Tensor) -> Tensor:
        """See :class:`ResidualBlock`."""
        features = self.relu(self.bn1(self.conv1(features)))
        changed: Tensor = self.bn2(self.conv2(features))
        return changed


class Bottleneck(ResidualBlock):
    """1x1, 3x3 (which strides, with dilation ``before``), 1x1 to four times the width."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, before: int, dilation: int) -> None:
        del dilation  # only convolutions after the strided one would need it, and those are 1x1
        super().__init__(in_channels, width * self.expansion, stride)
        self.conv1 = nn.Conv2d(in_channels, width, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = _conv3x3(width, width, stride, before)
        self.bn2 = nn.BatchNorm2d(width)
        self.conv3 = nn.Conv2d(width, width * self.expansion, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width * self.expansion)

    def change(self, features: Tensor) -> Tensor:
        """See :class:`ResidualBlock`."""
        features = self.relu(self.bn1(self.conv1(features)))
        features = self.relu(self.bn2(self.conv2(features)))
        changed: Tensor = self.bn3(self.conv3(features))
        return changed


class ResNetStages(Encoder):
    """Stem and four layers of residual blocks; keys of the state dict are torchvision's without ``fc``.

    With output stride 16 or 8 the last one or two layers keep their map's size and dilate instead, as in Chen et al.
    2017 and torchvision: the first block of such a layer keeps the dilation of the layer before. Every second (fourth)
    value of the finer map is then what the network gives at stride 32.

    Args:
        in_channels: C.
        name: Which ResNet.
        base: Channels of the stem; 64 in the paper, all widths go with it.
        output_stride: Pixels of the image per value of the last map.
    """

    def __init__(self, in_channels: int, name: ResNetName, base: int = 64, output_stride: OutputStride = 32) -> None:
        super().__init__()
        check_word("encoder", name, ResNetName)
        check_word("output_stride", output_stride, OutputStride)
        self.block: type[BasicBlock] | type[Bottleneck] = BasicBlock if name in ("resnet18", "resnet34") else Bottleneck
        self.widths = [base, *(base * multiple * self.block.expansion for multiple in (1, 2, 4, 8))]
        self.conv1 = nn.Conv2d(in_channels, base, kernel_size=7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(base)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)
        one, two, three, four = DEPTHS[name]
        self.layer1 = self._layer(0, base, one, stride=1, before=1, dilation=1)
        self.layer2 = self._layer(1, base * 2, two, stride=2, before=1, dilation=1)
        third, fourth = {8: (2, 4), 16: (1, 2), 32: (1, 1)}[output_stride]
        self.layer3 = self._layer(2, base * 4, three, stride=2 if third == 1 else 1, before=1, dilation=third)
        self.layer4 = self._layer(3, base * 8, four, stride=2 if fourth == 1 else 1, before=third, dilation=fourth)
        self.apply(init_weights)

    def _layer(self, number: int, width: int, blocks: int, stride: int, before: int, dilation: int) -> nn.Sequential:
        out = self.widths[number + 1]
        first = self.block(self.widths[number], width, stride, before, dilation)
        return nn.Sequential(first, *(self.block(out, width, 1, dilation, dilation) for _ in range(blocks - 1)))

    def stage_maps(self, image: Tensor) -> Sequence[Tensor]:
        """Maps after the stem (stride 2) and the layers 1-4 (strides 4, 8, 16, 32 or fewer, sizes rounded up)."""
        features = self.relu(self.bn1(self.conv1(image)))
        maps = [features]
        features = self.maxpool(features)
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            features = layer(features)
            maps.append(features)
        return maps


class ResNet(ResNetStages):
    """Residual network as an encoder: an image to the maps of all stages, see :class:`ResNetStages`."""

    def forward(self, image: Tensor) -> Sequence[Tensor]:
        """Gives :meth:`ResNetStages.stage_maps`."""
        return self.stage_maps(image)


def _conv3x3(in_channels: int, out_channels: int, stride: int, dilation: int) -> nn.Conv2d:
    return nn.Conv2d(
        in_channels, out_channels, kernel_size=3, stride=stride, padding=dilation, dilation=dilation, bias=False
    )
