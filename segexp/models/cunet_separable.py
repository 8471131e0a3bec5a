"""CUNetSeparable: C-UNet, 51,113 parameters, no skip connections (Bahl et al. 2019)."""

from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.models.convs import double_conv, he_init, separable_conv
from segexp.models.sizes import require_size
from segexp.models.upsampling import Upsample
from segexp.types import Depth, PositiveInt


class CUNetSeparable(nn.Module):
    """C-UNet, a U-Net for the FPGA of a satellite (ICCV Workshops, hal-02277061).

    Three stages of ``base``, 2 ``base``, 4 ``base`` channels. Encoder stage: two 3x3 convolutions and a separable
    one, each with ReLU, then 2x2 max-pooling. Decoder stage, as wide as the encoder's: 2x2 transposed convolution,
    two 3x3 convolutions with ReLU. Last a 1x1 convolution.

    The paper states 51,113 parameters, three stages, separable convolutions and that no skip connections join
    encoder and decoder. The layers are inferred: those of public re-implementations (which leave out biases) with
    the usual biases (all but the one-channel filters') have exactly this count, for widths 8-16-32, RGB and one logit.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; each deeper one has twice as many.
        depth: Number of stages, each with a pooling.
        upsample: How the decoder doubles a feature map, see :class:`~segexp.models.upsampling.Upsample`; ``unpool``
            takes the indices of the pooling of the encoder's stage of the same width.
        init: ``he``: normal with variance 2 / fan-in and zero bias; ``torch``: PyTorch's default.
        bed_of_nails: Where ``upsample=bed_of_nails`` puts each value, see there.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 8,
        depth: Depth = 3,
        upsample: Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"] = "transposed",
        init: Literal["he", "torch"] = "he",
        bed_of_nails: Literal["first", "random"] = "first",
    ) -> None:
        super().__init__()
        self.depth, self.unpools = depth, upsample == "unpool"
        widths = [base * 2**stage for stage in range(depth)]
        coming = [in_channels, *widths]
        self.encoder = nn.ModuleList(
            nn.Sequential(*double_conv(before, after), separable_conv(after, after), nn.ReLU(inplace=True))
            for before, after in zip(coming[:-1], widths, strict=True)
        )
        wide = [*widths[1:], widths[-1]]  # the bottom is as wide as the stage above it
        self.upsample = nn.ModuleList(
            Upsample(wide[i], widths[i], upsample, bed_of_nails) for i in reversed(range(depth))
        )
        self.decoder = nn.ModuleList(double_conv(width, width) for width in reversed(widths))
        self.head = nn.Conv2d(base, out_channels, kernel_size=1)
        check_word("init", init, Literal["he", "torch"])
        if init == "he":
            self.encoder.apply(he_init)
            self.decoder.apply(he_init)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 2^depth.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is too small.
        """
        require_size(f"CUNetSeparable of depth {self.depth}", image, 1 << self.depth)
        features, poolings = image, []
        for stage in self.encoder:
            features = stage(features)
            height, width = features.shape[-2:]
            indices: Tensor | None = None
            if self.unpools:
                features, indices = F.max_pool2d(features, 2, return_indices=True)
            else:
                features = F.max_pool2d(features, 2)
            poolings.append((height, width, indices))
        for upsample, stage in zip(self.upsample, self.decoder, strict=True):
            features = stage(upsample(features, *poolings.pop()))
        logits: Tensor = self.head(features)
        return logits
