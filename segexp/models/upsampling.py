"""Ways to enlarge a feature map: upsampling, transposed convolution and max-unpooling, all of them exportable."""

from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.errors import ConfigError

Upsampling = Literal["transposed", "nearest", "bilinear", "bicubic", "unpool", "bed_of_nails"]
Nails = Literal["first", "random"]


class Upsample(nn.Module):
    """(B, C, h, w) -> (B, K, H, W) with H of 2h or 2h + 1 and W likewise.

    ``transposed`` is a learned 2x2 convolution with stride 2 (the "up-convolution" of Ronneberger et al.
    2015; the odd last row and column get the bias alone). All others reduce the channels by a 1x1 convolution
    first, which costs a quarter of doing it last:

    - ``nearest``, ``bilinear``, ``bicubic`` interpolate (both steps are linear and commute);
    - ``unpool`` puts each value where an encoder's max-pooling took its maximum from, zeros elsewhere
      (Badrinarayanan et al. 2017, section 3);
    - ``bed_of_nails`` puts each value once into its 2x2 cell, zeros elsewhere: at the top left, or with ``nails`` =
      ``random`` at a place drawn anew for each value in training. As with dropout, the draws are torch's, which follow
      seed and epoch, and out of training the mean of all draws is taken: a quarter of the value at each place.
    """

    def __init__(self, in_channels: int, out_channels: int, how: Upsampling, nails: Nails = "first") -> None:
        super().__init__()
        check_word("upsample", how, Upsampling)
        check_nails(how, nails)
        self.how, self.nails = how, nails
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
                if self.nails == "first":
                    return bed_of_nails(reduced, height, width)
                return random_nails(reduced, height, width) if self.training else mean_of_nails(reduced, height, width)
            case "nearest":
                return F.interpolate(reduced, size=(height, width), mode="nearest")
        return F.interpolate(reduced, size=(height, width), mode=self.how, align_corners=False)

    def _unpool(self, reduced: Tensor, indices: Tensor | None, height: int, width: int) -> Tensor:
        if indices is None:
            raise ConfigError("upsample='unpool' needs the indices of a max-pooling: give them, or choose another way")
        unpooled: Tensor = self.unpool(reduced, indices, height, width)
        return unpooled


def check_nails(how: Upsampling, nails: Nails) -> None:
    """Checks that the place of nails is a known one, and asked for where there are nails.

    Raises:
        ConfigError: It is not.
    """
    check_word("bed_of_nails", nails, Nails)
    if nails != "first" and how != "bed_of_nails":
        raise ConfigError(f"model.bed_of_nails: found {nails} with upsample={how}; it is for upsample=bed_of_nails")


def bed_of_nails(features: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): each value once, at the top left of its 2x2 cell, zeros elsewhere."""
    rows, columns = features.shape[-2:]
    spread = features.new_zeros(*features.shape[:2], height, width)
    spread[..., : 2 * rows : 2, : 2 * columns : 2] = features
    return spread


def random_nails(features: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): each value once, at a random place of its 2x2 cell, zeros elsewhere."""
    places = torch.randint(4, features.shape, device=features.device)
    cells = F.one_hot(places, 4).to(features.dtype) * features[..., None]
    batch, channels, rows, columns = features.shape
    spread = cells.view(batch, channels, rows, columns, 2, 2).transpose(3, 4)
    return _filled(spread.reshape(batch, channels, 2 * rows, 2 * columns), height, width)


def mean_of_nails(features: Tensor, height: int, width: int) -> Tensor:
    """(B, C, h, w) -> (B, C, H, W): the mean of all draws of :func:`random_nails`."""
    return _filled(F.interpolate(features / 4, scale_factor=2.0, mode="nearest"), height, width)


def _filled(spread: Tensor, height: int, width: int) -> Tensor:
    """(B, C, 2h, 2w) with zeros below and at the right, to the size that is asked for."""
    return F.pad(spread, (0, width - spread.shape[-1], 0, height - spread.shape[-2]))


# Before torch 2.7 export can only be told together with torch.compile, where the way of export works too, but slower.
_exporting = getattr(torch.compiler, "is_exporting", torch.compiler.is_compiling)


def transposed_to(conv: nn.ConvTranspose2d, features: Tensor, height: int, width: int) -> Tensor:
    """``conv(features, output_size=(height, width))`` that may be exported with free sizes.

    Torch reaches a size by an output padding, which it computes from the sizes; in an exported program (ONNX)
    that padding is a fixed number, so the file would be wrong for every other size. Under export the same values
    come from sizes alone: convolve without padding and bias, append zeros, cut, add the bias.

    Args:
        conv: The layer, of any kernel, stride, padding, dilation and groups.
        features: float (B, C, h, w).
        height: H, from ``(h - 1) stride - 2 padding + dilation (kernel - 1) + 1`` to ``stride - 1`` more.
        width: W, in the same range.

    Returns:
        float (B, K, H, W).
    """
    if _exporting():
        return transposed_by_cutting(conv, features, height, width)
    upsampled: Tensor = conv(features, output_size=[height, width])
    return upsampled


def transposed_by_cutting(conv: nn.ConvTranspose2d, features: Tensor, height: int, width: int) -> Tensor:
    """:func:`transposed_to` without output padding; one copy slower."""
    whole = F.conv_transpose2d(
        features, conv.weight, None, conv.stride, padding=0, groups=conv.groups, dilation=conv.dilation
    )
    down, right = conv.stride
    top, left = (int(side) for side in conv.padding)
    # Where the sizes ask for more than the kernel reaches, torch's output padding has the bias alone.
    whole = F.pad(whole, (0, right - 1, 0, down - 1))
    # Chosen by number: a slice is a view, whose strides export would tie to the parity of the example's sizes.
    rows = torch.arange(height, device=whole.device) + top
    columns = torch.arange(width, device=whole.device) + left
    cut = whole.index_select(-2, rows).index_select(-1, columns)
    return cut if conv.bias is None else cut + conv.bias[:, None, None]


class MaxUnpool(nn.Module):
    """(B, C, h, w) and the indices of ``MaxPool2d(2, return_indices=True)`` -> (B, C, H, W), 0 elsewhere.

    Torch's own kernel, except that it has no deterministic version on CUDA: with
    ``torch.use_deterministic_algorithms`` a scatter takes its place there, equal in value and gradient; on the
    processor too where torch would refuse its kernel and not only warn.
    """

    def forward(self, pooled: Tensor, indices: Tensor, height: int, width: int) -> Tensor:
        """Put each maximum back where it was taken from, in a map of ``height`` x ``width``."""
        strict = not torch.is_deterministic_algorithms_warn_only_enabled()
        if torch.are_deterministic_algorithms_enabled() and (pooled.is_cuda or strict):
            return scatter_unpool(pooled, indices, height, width)
        return F.max_unpool2d(pooled, indices, kernel_size=(2, 2), output_size=[height, width])


def scatter_unpool(pooled: Tensor, indices: Tensor, height: int, width: int) -> Tensor:
    """Max-unpooling by ``scatter``, whose targets are distinct, so that their order does not matter."""
    batch, channels = pooled.shape[:2]
    empty = pooled.new_zeros(batch, channels, height * width)
    return empty.scatter(2, indices.flatten(2), pooled.flatten(2)).view(batch, channels, height, width)
