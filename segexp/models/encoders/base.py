"""Base of the encoders: feature maps by stage, freezing, first weights."""

from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor, nn


class Encoder(nn.Module):
    """Image (B, C, H, W) to feature maps, one for each stage, finest first.

    Attributes:
        widths: Channels of the maps.
        frozen: Whether the weights stay as they are; then batch norms keep their running statistics as well, in
            training too, since statistics of another data set would undo what the frozen weights were fitted to.
    """

    widths: Sequence[int]
    frozen: bool = False

    def freeze(self) -> None:
        """Take the weights out of training; call it after they have been loaded."""
        self.frozen = True
        self.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> Self:
        """Sets training mode as torch does; a frozen encoder stays in evaluation mode."""
        return super().train(mode and not self.frozen)


def init_weights(layer: nn.Module) -> None:
    """Initialises a layer that a ReLU follows: normal, variance 2 / fan-out (He et al. 2015), as torchvision.

    Use with ``module.apply(start)``; convolutions lose their bias to 0, norms keep their 1 and 0.
    """
    if isinstance(layer, nn.Conv2d):
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def crop_to(features: Tensor, like: Tensor) -> Tensor:
    """Cuts (B, C, h, w) to its first rows and columns, as many as ``like`` has; a view, but a copy under export.

    Export would tie the strides of a view to the parity of the example's sizes.
    """
    height, width = like.shape[-2:]
    if torch.compiler.is_exporting():
        rows, columns = (torch.arange(size, device=features.device) for size in (height, width))
        return features.index_select(-2, rows).index_select(-1, columns)
    return features[..., :height, :width]
