"""DeepLab-V3: dilated ResNet and atrous spatial pyramid pooling (Chen et al. 2017, arXiv 1706.05587)."""

from collections.abc import Callable
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.models.auxiliary import Supervised
from segexp.models.encoders.base import init_weights
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.resnet import ResNet
from segexp.models.pooling import PooledNorm
from segexp.models.sizes import require_size
from segexp.types import NonNegativeFloat, PositiveInt

Stride = Literal[8, 16]
RATES: dict[int, tuple[int, int, int]] = {16: (6, 12, 18), 8: (12, 24, 36)}
"""Dilation of the pyramid's 3x3 convolutions by output stride: doubled where the map is twice as fine (section 3.3)."""


class DeepLabV3(nn.Module):
    """Features of a dilated ResNet at five scales of context, then bilinear interpolation to the image's size.

    Keys of the state dict, and at base 64 parameters and results, are those of torchvision's models of that name.
    ResNet-101, RGB, 1 output: 58,625,857 parameters, 2,360,065 more with the auxiliary output.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the ResNet's stem; all widths go with it.
        encoder: Which ResNet.
        output_stride: Pixels of the image per value of the last map: 8 is finer, 16 takes a quarter of the time there.
        auxiliary_weight: Weight of a second loss on logits from the ResNet's third layer while training; 0: no such
            output.
        pretrained: ImageNet weights of the ResNet, see :func:`~segexp.models.encoders.pretrained.load_pretrained`.
        freeze_encoder: Whether the ResNet stays as it is.

    Raises:
        ConfigError: There is no such encoder or output stride, or no pretrained weights for this base.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        encoder: Literal["resnet18", "resnet34", "resnet50", "resnet101"] = "resnet101",
        output_stride: Literal[8, 16] = 8,
        auxiliary_weight: NonNegativeFloat = 0.0,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        check_word("model.output_stride", output_stride, Stride)
        self.output_stride, self.auxiliary_weight = output_stride, auxiliary_weight
        self.backbone = ResNet(in_channels, encoder, base, output_stride)
        third, last = self.backbone.widths[-2:]
        width = 4 * base
        self.classifier = nn.Sequential(
            AtrousPyramid(last, width, RATES[output_stride]), *_conv(width, width, 3), nn.Conv2d(width, out_channels, 1)
        )
        self.classifier.apply(init_weights)
        self.aux_classifier = AuxiliaryHead(third, out_channels) if auxiliary_weight > 0 else None
        load_pretrained(self.backbone, encoder, pretrained, base, freeze=freeze_encoder)

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least twice the output stride.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast); in training mode with an
            auxiliary weight, ``Supervised``.

        Raises:
            InputSizeError: H or W is too small.
        """
        require_size(f"DeepLabV3 (output stride {self.output_stride})", image, 2 * self.output_stride)
        *_, third, last = self.backbone(image)
        logits = resize_like(self.classifier(last), image)
        if self.aux_classifier is None or not self.training:
            return logits
        return Supervised(logits, (resize_like(self.aux_classifier(third), image),), (self.auxiliary_weight,))


class AtrousPyramid(nn.Module):
    """1x1, three dilated 3x3 convolutions and the mean of the whole map, side by side, mixed by a 1x1 convolution.

    ``dilated(in_channels, width, rate=...)`` makes the 3x3 convolutions with norm and ReLU; None: plain ones.
    """

    def __init__(
        self,
        in_channels: int,
        width: int,
        rates: tuple[int, int, int],
        dilated: Callable[..., nn.Module] | None = None,
    ) -> None:
        super().__init__()
        make = dilated or (lambda before, after, rate: nn.Sequential(*_conv(before, after, 3, rate)))
        # The empty place is torchvision's pooling layer: keys of the state dict count it.
        whole = nn.Sequential(nn.Identity(), nn.Conv2d(in_channels, width, 1, bias=False), PooledNorm(width), nn.ReLU())
        self.convs = nn.ModuleList(
            [
                nn.Sequential(*_conv(in_channels, width, 1)),
                *(make(in_channels, width, rate=rate) for rate in rates),
                whole,
            ]
        )
        self.project = nn.Sequential(*_conv(5 * width, width, 1), nn.Dropout(0.5))

    def forward(self, features: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, width, h, w)."""
        *local, whole = self.convs
        context = resize_like(whole(features.mean((-2, -1), keepdim=True)), features)
        mixed: Tensor = self.project(torch.cat([*(conv(features) for conv in local), context], dim=1))
        return mixed


class AuxiliaryHead(nn.Sequential):
    """Logits from a middle map: 3x3 convolution to a quarter of the channels, norm, ReLU, dropout, 1x1."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        width = in_channels // 4
        super().__init__(*_conv(in_channels, width, 3), nn.Dropout(0.1), nn.Conv2d(width, out_channels, 1))
        self.apply(init_weights)


def resize_like(features: Tensor, like: Tensor) -> Tensor:
    """Interpolates bilinearly to the height and width of ``like``."""
    return F.interpolate(features, size=like.shape[-2:], mode="bilinear", align_corners=False)


def _conv(in_channels: int, out_channels: int, kernel: int, rate: int = 1) -> list[nn.Module]:
    """Convolution that keeps the size, batch norm, ReLU."""
    padding = rate * (kernel // 2)
    conv = nn.Conv2d(in_channels, out_channels, kernel, padding=padding, dilation=rate, bias=False)
    return [conv, nn.BatchNorm2d(out_channels), nn.ReLU()]
