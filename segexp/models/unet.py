"""UNet: encoder and decoder, two convolutions a stage, joined by concatenation (Ronneberger et al. 2015)."""

import functools
from itertools import pairwise
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.models.auxiliary import Supervised
from segexp.models.convs import Conv, double_conv, he_init
from segexp.models.deep_supervision import DeepSupervision
from segexp.models.sizes import NO_PADDING, InputSizeError, Padding
from segexp.models.upsampling import Upsample
from segexp.types import Depth, Dropout, NonNegativeFloat, PositiveInt


class UNet(nn.Module):
    """U-Net of any width and depth, padded (output size = input size) or unpadded as in the paper.

    The stages have ``base``, 2 ``base``, 4 ``base`` ... channels. Base 64 and depth 5 are the paper's
    network: 31,030,658 parameters for 1 channel and 2 classes, 572x572 -> 388x388 when unpadded. Base 8 and
    depth 3 are the compact one: 29,465 for 3 channels and 1 logit.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; each deeper one has twice as many.
        depth: Number of stages, the bottom included.
        upsample: How the decoder doubles a feature map, see :class:`~segexp.models.upsampling.Upsample`.
        norm: Layer between convolution and ReLU.
        padded: Whether the 3x3 convolutions keep the size. If not, only sizes with even maps before every
            pooling are taken; ``context`` tells how much border to add to reach one.
        init: ``he``: normal with variance 2 / fan-in and zero bias, as the paper asks (section 3, He et al. 2015):
            without a norm, activations keep their size through the depth; ``torch``: PyTorch's default.
        conv: Kind of the 3x3 convolutions, see :func:`~segexp.models.convs.make_conv`; the very first one, which
            has few channels to tell apart, is always plain (as in Howard et al. 2017).
        groups: Wanted groups of ``conv=grouped``. The channels of different groups meet in the decoder's upsampling.
        dropout: Probability that a channel is zeroed between the two convolutions of a stage, in training.
        auxiliary_weights: Deep supervision: one weight for each decoder stage below the finest (depth - 2), from
            the finest down. In training the output is then a :class:`~segexp.models.auxiliary.Supervised`.
        bed_of_nails: Where ``upsample=bed_of_nails`` puts each value, see there.

    Raises:
        ConfigError: A name is unknown, or there are not as many weights as stages.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        depth: Depth = 5,
        upsample: Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"] = "transposed",
        norm: Literal["none", "batch", "group", "instance"] = "none",
        padded: bool = True,
        init: Literal["he", "torch"] = "he",
        conv: Literal["plain", "separable", "grouped"] = "plain",
        groups: PositiveInt = 4,
        dropout: Dropout = 0.0,
        auxiliary_weights: list[NonNegativeFloat] | None = None,
        bed_of_nails: Literal["first", "random"] = "first",
    ) -> None:
        super().__init__()
        self.depth, self.norm, self.padded = depth, norm, padded
        self.unpools = upsample == "unpool"
        # Read by the table of models and by the contract tests.
        self.exceptions = (
            {} if padded else dict.fromkeys(("torch_export", "onnx"), "the border it asks for has a fixed size")
        )
        stage = functools.partial(double_conv, groups=groups, norm=norm, padded=padded, dropout=dropout)
        kinds: tuple[Conv, Conv] = (conv, conv)
        widths = [base * 2**stage for stage in range(depth)]
        steps = list(pairwise(widths))
        self.encoder = nn.ModuleList([stage(in_channels, base, kinds=("plain", conv))])
        self.encoder.extend(stage(before, after, kinds=kinds) for before, after in steps)
        self.upsample = nn.ModuleList(Upsample(low, high, upsample, bed_of_nails) for high, low in reversed(steps))
        # Twice the width comes in: the upsampled map beside the encoder's.
        self.decoder = nn.ModuleList(stage(2 * high, high, kinds=kinds) for high, _ in reversed(steps))
        self.head = nn.Conv2d(base, out_channels, kernel_size=1)
        check_word("init", init, Literal["he", "torch"])
        if init == "he":
            self.encoder.apply(he_init)
            self.decoder.apply(he_init)
        self.supervision: DeepSupervision | None = None
        if auxiliary_weights:  # an empty list is none
            self.supervision = DeepSupervision(widths[1:-1], out_channels, auxiliary_weights)

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W).

        Returns:
            Logits (B, K, H, W), or smaller by a fixed border when unpadded; in the dtype of the convolutions
            (bfloat16 under autocast). In training with auxiliary weights, a Supervised with these logits.

        Raises:
            InputSizeError: H or W is too small, or of a size that unpadded pooling would cut.
        """
        self._check_size(*image.shape[-2:])
        skips = [features := self.encoder[0](image)]
        for stage in self.encoder[1:]:
            features = stage(F.max_pool2d(features, 2))
            skips.append(features)
        skips.pop()  # the bottom is where the decoder starts
        supervision = self.supervision if self.training else None
        coarse: list[Tensor] = []
        for upsample, stage in zip(self.upsample, self.decoder, strict=True):
            if supervision is not None:
                coarse.insert(0, features)
            skip = self._fit(skips.pop(), features)
            upsampled = upsample(features, skip.shape[-2], skip.shape[-1], self._indices(skip))
            features = stage(torch.cat((skip, upsampled), dim=1))
        logits: Tensor = self.head(features)
        if supervision is None:
            return logits
        supervised: Supervised = supervision(coarse[:-1], logits, padded=self.padded)  # the last is the bottom
        return supervised

    def context(self, height: int, width: int) -> Padding:
        """Border to add to an image so that the logits, cut to its size from their first pixel, cover it.

        Zero when padded. Unpadded, the paper's network needs 92 pixels on each side; what is needed beyond
        that to make every pooled map even goes to the right and the bottom.
        """
        if self.padded:
            return NO_PADDING
        border = self._border()
        right, bottom = (self._input_for(size) - size - border for size in (width, height))
        return border, right, border, bottom

    def _fit(self, skip: Tensor, features: Tensor) -> Tensor:
        """The encoder's map, cut to twice the decoder's size when unpadded (the paper's "copy and crop")."""
        if self.padded:
            return skip
        height, width = 2 * features.shape[-2], 2 * features.shape[-1]
        top, left = (skip.shape[-2] - height) // 2, (skip.shape[-1] - width) // 2
        return skip[..., top : top + height, left : left + width]

    def _indices(self, skip: Tensor) -> Tensor | None:
        """Where the pooling of an encoder's map took its maxima, for unpooling.

        Found again from the map, which costs far less than a convolution: unpadded, the indices must belong to the
        map that ``_fit`` has cut (by multiples of 4 pixels, so the pooling windows are the same).
        """
        if not self.unpools:
            return None
        with torch.no_grad():
            return F.max_pool2d(skip, 2, return_indices=True)[1]

    def _border(self) -> int:
        """Pixels lost on each side without padding: two per double convolution, times the stage's scale.

        Down and up that is 2 (1 + 2 + ... + m/2) * 2, and 2 m at the bottom with its scale m = 2^(depth - 1).
        """
        scale = 1 << (self.depth - 1)
        return 6 * scale - 4

    def _input_for(self, output: int) -> int:
        """Smallest input side that unpadded stages take whole and that gives ``output`` pixels or more.

        A bottom stage that is given n pixels a side belongs to an input of m n + 4 (m - 1) pixels.
        """
        scale = 1 << (self.depth - 1)
        offset = 4 * (scale - 1)
        bottom = -(-(output + 2 * self._border() - offset) // scale)
        return scale * bottom + offset

    def _check_size(self, height: int, width: int) -> None:
        scale = 1 << (self.depth - 1)
        if self.padded:
            # Batch and instance norm need more than one value per channel at the bottom.
            smallest = scale * (2 if self.norm in ("batch", "instance") else 1)
            if min(height, width) < smallest:
                raise InputSizeError(
                    f"UNet of depth {self.depth} with norm={self.norm} was given {height}x{width}: "
                    f"use at least {smallest}x{smallest} pixels or a smaller depth"
                )
            return
        for side in (height, width):
            if side < self._input_for(1) or (side - 4 * (scale - 1)) % scale:
                valid = self._input_for(max(side - 2 * self._border(), 1))
                raise InputSizeError(
                    f"unpadded UNet of depth {self.depth} was given {height}x{width}: {side} leaves an odd "
                    f"or empty map, the next that fits is {valid}; segexp.models.sizes.same_size takes any"
                )
