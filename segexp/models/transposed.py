"""Transposed convolution to a wanted size, also in an exported program of any size."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

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
