"""Max-unpooling with the indices of the pooling (Badrinarayanan et al. 2017, section 3)."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class MaxUnpool(nn.Module):
    """(B, C, h, w) and the indices of ``MaxPool2d(2, return_indices=True)`` -> (B, C, H, W), 0 elsewhere.

    Torch's own kernel, except that it has no deterministic version on CUDA: with
    ``torch.use_deterministic_algorithms`` a scatter takes its place there, equal in value and gradient.
    """

    def forward(self, pooled: Tensor, indices: Tensor, height: int, width: int) -> Tensor:
        """Put each maximum back where it was taken from, in a map of ``height`` x ``width``."""
        if pooled.is_cuda and torch.are_deterministic_algorithms_enabled():
            return scatter_unpool(pooled, indices, height, width)
        return F.max_unpool2d(pooled, indices, kernel_size=(2, 2), output_size=[height, width])


def scatter_unpool(pooled: Tensor, indices: Tensor, height: int, width: int) -> Tensor:
    """Max-unpooling by ``scatter``, whose targets are distinct, so that their order does not matter."""
    batch, channels = pooled.shape[:2]
    empty = pooled.new_zeros(batch, channels, height * width)
    return empty.scatter(2, indices.flatten(2), pooled.flatten(2)).view(batch, channels, height, width)
