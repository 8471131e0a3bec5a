"""CFCN: three separable convolutions and one interpolation, 1,438 parameters (Bahl et al. 2019)."""

from itertools import pairwise
from typing import Literal

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.models.convs import he_init, separable_conv
from segexp.models.sizes import require_size
from segexp.types import PositiveInt


class CFCN(nn.Module):
    """C-FCN, a net for the FPGA of a satellite (ICCV Workshops, hal-02277061).

    Separable convolutions C -> base -> 2 base -> 4 base with ReLU, 2x2 max-pooling after the first and the second,
    1x1 convolution to K, bilinear interpolation times four; no skip connections. The paper states 1,438 parameters,
    the widths 10-20-40, the 1x1 convolution and the interpolation; that the one-channel filters have no bias
    follows from the count.

    Args:
        in_channels: C, given by the data.
        out_channels: K, given by the data.
        base: Channels of the first stage; each deeper one has twice as many.
        init: ``he``: normal with variance 2 / fan-in and zero bias; ``torch``: PyTorch's default.
    """

    def __init__(
        self,
        in_channels: PositiveInt,
        out_channels: PositiveInt,
        base: PositiveInt = 10,
        init: Literal["he", "torch"] = "he",
    ) -> None:
        super().__init__()
        widths = (in_channels, base, 2 * base, 4 * base)
        self.convs = nn.ModuleList(separable_conv(before, after) for before, after in pairwise(widths))
        self.head = nn.Conv2d(4 * base, out_channels, kernel_size=1)
        check_word("init", init, Literal["he", "torch"])
        if init == "he":
            self.convs.apply(he_init)

    def forward(self, image: Tensor) -> Tensor:
        """Logits of an image.

        Args:
            image: float (B, C, H, W), H and W of at least 4.

        Returns:
            Logits (B, K, H, W), in the dtype of the convolutions (bfloat16 under autocast).

        Raises:
            InputSizeError: H or W is below 4.
        """
        require_size("CFCN", image, 4)
        features = F.relu(self.convs[0](image), inplace=True)
        for conv in self.convs[1:]:
            features = F.relu(conv(F.max_pool2d(features, 2)), inplace=True)
        size = (image.shape[-2], image.shape[-1])
        return F.interpolate(self.head(features), size=size, mode="bilinear", align_corners=False)
