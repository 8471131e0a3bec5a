"""Kinds of convolution, chosen by name, and how their weights begin."""

import math
from collections import OrderedDict
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from segexp.config.checks.built_words import check_word
from segexp.models.norms import Norm, make_norm

Conv = Literal["plain", "separable", "grouped"]


def make_conv(
    kind: Conv, in_channels: int, out_channels: int, *, kernel: int = 3, padding: int = 1, groups: int = 1
) -> nn.Module:
    """(B, in_channels, H, W) -> (B, out_channels, H + 2 padding - kernel + 1, W likewise).

    Args:
        kind: ``plain``; ``separable``: one filter per channel, then a 1x1 convolution, nothing between (Howard et
            al. 2017, MobileNets, without their norm there); ``grouped``: each of some groups of output channels
            sees its own group of input channels (Krizhevsky et al. 2012; Xie et al. 2017).
        in_channels: Channels of the input.
        out_channels: Channels of the output.
        kernel: Side of the filters.
        padding: Zeros added on each side.
        groups: Wanted groups of ``grouped``; made is the greatest number that divides it and both channel counts.

    Raises:
        ConfigError: The kind is unknown.
    """
    check_word("conv", kind, Conv)
    match kind:
        case "plain":
            return nn.Conv2d(in_channels, out_channels, kernel, padding=padding)
        case "separable":
            return separable_conv(in_channels, out_channels, kernel=kernel, padding=padding)
        case "grouped":
            common = math.gcd(groups, in_channels, out_channels)
            return nn.Conv2d(in_channels, out_channels, kernel, padding=padding, groups=common)


def separable_conv(in_channels: int, out_channels: int, *, kernel: int = 3, padding: int = 1) -> nn.Sequential:
    """A filter per channel without bias, which the next layer's would make idle, and a 1x1 convolution with one."""
    depthwise = nn.Conv2d(in_channels, in_channels, kernel, padding=padding, groups=in_channels, bias=False)
    return nn.Sequential(depthwise, nn.Conv2d(in_channels, out_channels, kernel_size=1))


def pointwise(conv: nn.Conv2d, features: Tensor) -> Tensor:
    """Applies a 1x1 convolution (B, C, h, w) -> (B, K, h, w), in float32 where bfloat16 would end the process.

    On processors with AMX the gradient of such a convolution with 4096 channels in and fewer than 16 out writes beyond
    its memory (oneDNN of torch 2.13: "corrupted size vs. prev_size", or no word at all); with 2048, or with 16, it
    does not.
    """
    breaks = conv.in_channels >= _WIDE and conv.out_channels < _FEW
    if not (breaks and features.device.type == "cpu" and torch.is_autocast_enabled("cpu")):
        scores: Tensor = conv(features)
        return scores
    with torch.autocast("cpu", enabled=False):
        return F.conv2d(features.float(), conv.weight, conv.bias)


_WIDE, _FEW = 4096, 16


def double_conv(
    in_channels: int,
    out_channels: int,
    *,
    kinds: tuple[Conv, Conv] = ("plain", "plain"),
    groups: int = 1,
    norm: Norm = "none",
    padded: bool = True,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Twice 3x3 convolution, norm, ReLU; between the two, dropout of whole channels (Tompson et al. 2015).

    The bias stays with a norm, which makes it idle, so that parameter counts compare with published ones.
    ReLU is in place: one full-size tensor less per convolution, 5-10 % of a float32 training step on a CPU.
    """
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    for before, kind in zip((in_channels, out_channels), kinds, strict=True):
        if layers and dropout > 0:
            layers["dropout"] = nn.Dropout2d(dropout)
        conv = make_conv(kind, before, out_channels, padding=1 if padded else 0, groups=groups)
        for layer in (conv, *make_norm(norm, out_channels), nn.ReLU(inplace=True)):
            # Numbers leave the dropout out, so that weights fit with and without it.
            layers[str(len(layers) - ("dropout" in layers))] = layer
    return nn.Sequential(layers)


def he_init(layer: nn.Module) -> None:
    """Normal weights with variance 2 / fan-in and zero bias (He et al. 2015), for ``module.apply``.

    Only for convolutions that a ReLU follows. One without bias has a linear layer after it (see
    :func:`separable_conv`), so its variance is 1 / fan-in. Other layers keep PyTorch's.
    """
    if not isinstance(layer, nn.Conv2d):
        return
    if layer.bias is None:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="linear")
        return
    nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
    nn.init.zeros_(layer.bias)
