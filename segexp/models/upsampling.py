"""Ways to double a feature map and reduce its channels."""

from typing import Literal, get_args

from torch import Tensor, nn
from torch.nn import functional as F

from segexp.errors import ConfigError
from segexp.models.transposed import transposed_to
from segexp.models.unpooling import MaxUnpool

Upsampling = Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"]


class Upsample(nn.Module):
    """(B, C, h, w) -> (B, K, H, W) with H of 2h or 2h + 1 and W likewise.

    ``transposed`` is a learned 2x2 convolution with stride 2 (the "up-convolution" of Ronneberger et al.
    2015; the odd last row and column get the bias alone). All others reduce the channels by a 1x1 convolution
    first, which costs a quarter of doing it last:

    - ``nearest``, ``bilinear``, ``bicubic`` interpolate (both steps are linear and commute);
    - ``unpool`` puts each value where an encoder's max-pooling took its maximum from, zeros elsewhere
      (Badrinarayanan et al. 2017, section 3);
    - ``bed_of_nails`` puts each value at the top left of its 2x2 cell, zeros elsewhere.
    """

    def __init__(self, in_channels: int, out_channels: int, how: Upsampling) -> None:
        super().__init__()
        if how not in get_args(Upsampling):
            raise ConfigError(f"upsample={how!r} is unknown: use one of {', '.join(get_args(Upsampling))}")
        self.how = how
        self.conv: nn.Conv2d | nn.ConvTranspose2d
        if how == "transposed":
            self.conv = nn.ConvTranspose2d(in_channels, out_channels, kernel_size=2, stride=2)
        else:
            self.conv = nn.Conv2d(in_channels, out_channels, kernel_size=1)
        self.unpool = MaxUnpool()

    def forward(self, features: Tensor, height: int, width: int, indices: Tensor | None = None) -> Tensor:
        """Upsample to exactly ``height`` x ``width``.

        Args:
            features: float (B, C, h, w).
            height: H.
            width: W.
            indices: int64 (B, K, h, w) of the pooling (B, K, H, W) -> (B, K, h, w), for ``unpool`` only.

        Raises:
            ConfigError: ``unpool`` was given no indices.
        """
        if isinstance(self.conv, nn.ConvTranspose2d):
            return transposed_to(self.conv, features, height, width)
        reduced = self.conv(features)
        match self.how:
            case "unpool":
                return self._unpool(reduced, indices, height, width)
            case "bed_of_nails":
                return bed_of_nails(reduced, height, width)
            case "nearest":
                return F.interpolate(reduced, size=(height, width), mode="nearest")
        return F.interpolate(reduced, size=(height, width), mode=self.how, align_corners=False)

    def _unpool(self, reduced: Tensor, indices: Tensor | None, height: int, width: int) -> Tensor:
        if indices is None:
            raise ConfigError("upsample='unpool' needs the indices of a max-pooling: give them, or choose another way")
        unpooled: Tensor = self.unpool(reduced, indices, height, width)
        return unpooled


def bed_of_nails(features: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): each value once, at the top left of its 2x2 cell, zeros elsewhere."""
    rows, columns = features.shape[-2:]
    spread = features.new_zeros(*features.shape[:2], height, width)
    spread[..., : 2 * rows : 2, : 2 * columns : 2] = features
    return spread
