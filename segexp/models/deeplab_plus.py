"""DeepLab-V3+: separable convolutions all through, and a decoder (Chen et al. 2018, arXiv 1802.02611)."""

from typing import Literal

import torch
from torch import Tensor, nn

from segexp.config.checks.built_words import check_word
from segexp.models.deeplab import RATES, AtrousPyramid, Stride, resize_like
from segexp.models.encoders.base import init_weights
from segexp.models.encoders.xception import FIRST, SeparableConv, Xception
from segexp.models.sizes import require_size
from segexp.types import PositiveInt


class DeepLabV3Plus(nn.Module):
    """Aligned Xception, atrous pyramid, and a decoder that sees a map of stride 4, reduced to 48 channels.

    The pyramid's map is enlarged to that stride, joined with the low-level map, refined by two separable convolutions
    and enlarged to the image. At base 32, RGB, 1 output: 41,050,273 parameters.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first convolution; all widths go with it.
        middle_blocks: Blocks of the encoder's middle flow.
        output_stride: Pixels of the image per value of the last map: 16 as trained in the paper, 8 is finer.
        freeze_encoder: Whether the encoder stays as it is, as with weights of ``init_from``.

    Raises:
        ConfigError: There is no such output stride.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 32,
        middle_blocks: PositiveInt = 16,
        output_stride: Literal[8, 16] = 16,
        freeze_encoder: bool = False,
    ) -> None:
        super().__init__()
        check_word("model.output_stride", output_stride, Stride)
        self.output_stride = output_stride
        self.encoder = Xception(in_channels, base, middle_blocks, output_stride)
        low, last = self.encoder.widths
        width, reduced = max(1, 256 * base // FIRST), max(1, 48 * base // FIRST)
        self.pyramid = AtrousPyramid(last, width, RATES[output_stride], SeparableConv)
        self.reduce = nn.Sequential(
            nn.Conv2d(low, reduced, 1, bias=False), nn.BatchNorm2d(reduced), nn.ReLU(inplace=True)
        )
        self.decoder = nn.Sequential(
            SeparableConv(width + reduced, width), SeparableConv(width, width), nn.Conv2d(width, out_channels, 1)
        )
        for part in (self.pyramid, self.reduce, self.decoder):
            part.apply(init_weights)
        if freeze_encoder:
            self.encoder.freeze()

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least twice the output stride.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is too small.
        """
        require_size(f"DeepLabV3Plus (output stride {self.output_stride})", image, 2 * self.output_stride)
        low, last = self.encoder(image)
        reduced = self.reduce(low)
        joined = torch.cat([resize_like(self.pyramid(last), reduced), reduced], dim=1)
        return resize_like(self.decoder(joined), image)
