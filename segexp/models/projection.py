"""The strided 1x1 convolution of a residual shortcut, whose gradient oneDNN computes beyond its memory when narrow."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BLOCK = 16
"""Channels that oneDNN takes at a time: 16 with AVX-512, 8 without; fewer of them overrun."""


class Projection(nn.Conv2d):
    """1x1 convolution with a stride: (B, C, h, w) -> (B, K, h / stride, w / stride), rounded up.

    Of fewer channels than a processor takes at a time, in channels-last order, oneDNN of torch 2.13 writes the gradient
    of the weights beyond its workspace: the process ends or hangs, or the gradient is wrong without a word
    (uxlfoundation/oneDNN issue 6035). There the values that count are chosen first and convolved without a stride: the
    same product.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) -> (B, K, h / stride, w / stride), rounded up."""
        learns = torch.is_grad_enabled() and self.weight.requires_grad
        if not (learns and self.in_channels < BLOCK and input.device.type == "cpu"):
            return super().forward(input)
        down, right = self.stride
        return F.conv2d(input[..., ::down, ::right], self.weight, self.bias)


def guard_projections(model: nn.Module) -> None:
    """Turns each strided 1x1 convolution of a model, whoever wrote it, into a :class:`Projection` in place."""
    for layer in model.modules():
        # Not those of a subclass, whose forward is its own.
        if type(layer) is nn.Conv2d and _projects(layer):
            layer.__class__ = Projection


def _projects(layer: nn.Conv2d) -> bool:
    plain = layer.groups == 1 and layer.padding in ((0, 0), "valid")
    return plain and layer.kernel_size == (1, 1) and layer.stride != (1, 1)
