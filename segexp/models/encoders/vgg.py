"""VGG16, plain or with batch norm (Simonyan & Zisserman 2015, configuration D), in torchvision's layout."""

from collections.abc import Sequence

from torch import Tensor, nn

from segexp.models.encoders.base import Encoder, init_weights
from segexp.models.norms import Norm, make_norm

DEPTHS = (2, 2, 3, 3, 3)
"""Convolutions of each of the five stages."""

MULTIPLES = (1, 2, 4, 8, 8)
"""Width of each stage as a multiple of the first."""


class Vgg16(Encoder):
    """The 13 convolutions of VGG16 in five stages, each ended by a 2x2 max-pooling.

    Keys of the state dict are torchvision's (``features.0.weight`` ...), so its files of ImageNet weights fit.
    At base 64: 14,714,688 parameters for 3 channels in, 14,723,136 with batch norm.

    Args:
        in_channels: C.
        base: Channels of the first stage; the others have 2, 4, 8 and 8 times as many.
        norm: Layer between convolution and ReLU; torchvision has ``none`` (VGG16) and ``batch`` (VGG16-BN).
        ceil_mode: Whether pooling keeps an odd last row and column in a window of their own, as Caffe does, where
            VGG comes from; torchvision drops them. No difference at multiples of 32.
    """

    def __init__(self, in_channels: int, base: int = 64, norm: Norm = "none", ceil_mode: bool = False) -> None:
        super().__init__()
        self.widths = [base * multiple for multiple in MULTIPLES]
        layers: list[nn.Module] = []
        self._ends: list[int] = []
        before = in_channels
        for width, depth in zip(self.widths, DEPTHS, strict=True):
            for _ in range(depth):
                layers += [nn.Conv2d(before, width, kernel_size=3, padding=1), *make_norm(norm, width)]
                layers.append(nn.ReLU(inplace=True))
                before = width
            self._ends.append(len(layers))
            layers.append(nn.MaxPool2d(2, ceil_mode=ceil_mode))
        self.features = nn.Sequential(*layers)
        self.apply(init_weights)

    def forward(self, image: Tensor) -> Sequence[Tensor]:
        """The pooled map of each stage: [(B, base, H/2, W/2), ..., (B, 8 base, H/32, W/32)]."""
        maps = []
        features = image
        for stage, end in enumerate(self._ends):
            features = self.features[end](self.stage(stage, features))
            maps.append(features)
        return maps

    def stage(self, number: int, features: Tensor) -> Tensor:
        """The convolutions of one stage (0-4) without its pooling: the same height and width."""
        first = 0 if number == 0 else self._ends[number - 1] + 1
        for index in range(first, self._ends[number]):
            features = self.features[index](features)
        return features
