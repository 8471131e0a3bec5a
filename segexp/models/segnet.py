"""SegNet: VGG16 encoder, mirrored decoder, unpooling with the encoder's indices (Badrinarayanan et al. 2017)."""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.auxiliary import Supervised
from segexp.models.convs import Conv, make_conv
from segexp.models.deep_supervision import DeepSupervision
from segexp.models.encoders.base import init_weights
from segexp.models.encoders.pretrained import load_pretrained
from segexp.models.encoders.vgg import DEPTHS, Vgg16
from segexp.models.norms import Norm, make_norm
from segexp.models.sizes import require_size
from segexp.models.upsampling import MaxUnpool, Upsample, check_nails
from segexp.types import Dropout, NonNegativeFloat, PositiveInt

WEIGHTS: dict[Norm, str] = {"none": "vgg16", "batch": "vgg16_bn"}
"""Published weights for an encoder with this norm."""


class SegNet(nn.Module):
    """The five stages of VGG16 with batch norm and their mirror image, of the image's size at the end.

    At base 64, for RGB: 29,443,585 / 29,444,162 / 29,444,739 parameters for 1 / 2 / 3 outputs. The decoder holds a
    convolution for each of the encoder's; the last of a stage reduces the channels to those of the next finer stage,
    the last of all gives the logits, without norm and ReLU. An odd last row or column lies outside the pooling, as
    in the paper; the decoder's convolutions reach it.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; the others have 2, 4, 8 and 8 times as many.
        upsample: ``unpool``: the paper's, nothing to learn. All others have a learned layer of their own, see
            :class:`~segexp.models.upsampling.Upsample`.
        norm: Layer between convolution and ReLU, in encoder and decoder.
        dropout: Share of values dropped after the three deepest stages of encoder and decoder while training: 0 in the
            paper, 0.5 in Bayesian SegNet (Kendall et al. 2017).
        pretrained: ImageNet weights of the encoder, see
            :func:`~segexp.models.encoders.pretrained.load_pretrained`; norm ``batch`` or ``none`` only.
        freeze_encoder: Whether the encoder stays as it is.
        conv: Kind of the decoder's 3x3 convolutions, see :func:`~segexp.models.convs.make_conv`; the encoder is VGG16
            and the one that gives the logits plain.
        groups: Wanted groups of ``conv=grouped``.
        auxiliary_weights: Deep supervision: one weight for each of the four decoder stages below the finest, from the
            finest down. In training the output is then a :class:`~segexp.models.auxiliary.Supervised`.
        bed_of_nails: Where ``upsample=bed_of_nails`` puts each value, see there.

    Raises:
        ConfigError: There are no pretrained weights for this base or norm, or not four auxiliary weights.
        UserError: The pretrained weights cannot be got or do not fit.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 64,
        upsample: Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"] = "unpool",
        norm: Literal["none", "batch", "group", "instance"] = "batch",
        dropout: Dropout = 0.0,
        pretrained: bool | str = False,
        freeze_encoder: bool = False,
        conv: Literal["plain", "separable", "grouped"] = "plain",
        groups: PositiveInt = 4,
        auxiliary_weights: list[NonNegativeFloat] | None = None,
        bed_of_nails: Literal["first", "random"] = "first",
    ) -> None:
        super().__init__()
        if pretrained is not False and norm not in WEIGHTS:
            raise ConfigError(f"model.pretrained: weights exist for norm=batch and norm=none, found norm={norm}")
        self.encoder = Vgg16(in_channels, base, norm)
        check_nails(upsample, bed_of_nails)
        widths = self.encoder.widths
        finer = [widths[0], *widths[:-1]]
        self.upsample = nn.ModuleList(
            MaxUnpool() if upsample == "unpool" else Upsample(width, width, upsample, bed_of_nails) for width in widths
        )
        self.decoder = nn.ModuleList(
            _stage([width] * depth + [out], norm, conv, groups)
            for width, out, depth in zip(widths, finer, DEPTHS, strict=True)
        )
        # The finest stage ends in the logits.
        self.decoder[0] = nn.Sequential(
            *_stage([base] * DEPTHS[0], norm, conv, groups), nn.Conv2d(base, out_channels, kernel_size=3, padding=1)
        )
        self.dropout = nn.Dropout(dropout)
        self.decoder.apply(init_weights)
        self.supervision: DeepSupervision | None = None
        if auxiliary_weights:  # an empty list is none
            self.supervision = DeepSupervision(finer[1:], out_channels, auxiliary_weights)
        load_pretrained(self.encoder, WEIGHTS.get(norm, ""), pretrained, base, freeze=freeze_encoder)

    def forward(self, image: Tensor) -> Tensor | Supervised:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 32.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast). In training with auxiliary
            weights, a Supervised with these logits.

        Raises:
            InputSizeError: H or W is below 32.
        """
        require_size("SegNet (five poolings)", image, 32)
        features, sizes, indices = image, [], []
        for stage in range(5):
            features = self.encoder.stage(stage, features)
            sizes.append((features.shape[-2], features.shape[-1]))
            features, places = F.max_pool2d(features, 2, return_indices=True)
            indices.append(places)
            features = self._drop(stage, features)
        supervision = self.supervision if self.training else None
        coarse: list[Tensor] = []
        for stage in reversed(range(5)):
            features = self.upsample[stage](
                features, indices=indices[stage], height=sizes[stage][0], width=sizes[stage][1]
            )
            features = self._drop(stage, self.decoder[stage](features))
            if supervision is not None:
                coarse.insert(0, features)
        if supervision is None:
            return features
        supervised: Supervised = supervision(coarse[1:], features)  # the first are the logits
        return supervised

    def _drop(self, stage: int, features: Tensor) -> Tensor:
        dropped: Tensor = self.dropout(features) if stage >= 2 else features
        return dropped


def _stage(channels: list[int], norm: Norm, conv: Conv, groups: int) -> nn.Sequential:
    """3x3 convolution, norm, ReLU from each number of channels to the next."""
    layers: list[nn.Module] = []
    for before, after in pairwise(channels):
        layers.append(make_conv(conv, before, after, groups=groups))
        layers += [*make_norm(norm, after), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers)
