"""Pooling to a fixed number of values, in a form that exports with free sizes."""

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F


def adaptive_average(features: Tensor, bins: int) -> Tensor:
    """``F.adaptive_avg_pool2d(features, bins)``: means over a grid of ``bins`` x ``bins`` fields.

    Field i of n values reaches from floor(i n / bins) to ceil((i + 1) n / bins), so neighbours share a value where n
    is no multiple, and repeat values where n is smaller. Torch's operator has no ONNX form for sizes that are
    not known when the file is written; two products with matrices of 0 and 1 and a division have one.

    Args:
        features: float (B, C, h, w).
        bins: Fields along each side.

    Returns:
        float (B, C, bins, bins).
    """
    if bins == 1:
        return features.mean((-2, -1), keepdim=True)
    rows, columns = (_fields(size, bins, features) for size in features.shape[-2:])
    sums = (features @ columns).transpose(-2, -1) @ rows  # (B, C, bins of columns, bins of rows)
    counts = columns.sum(0)[:, None] * rows.sum(0)
    return (sums / counts).transpose(-2, -1)


def _fields(size: int, bins: int, like: Tensor) -> Tensor:
    """(size, bins) of 0 and 1: which values belong to which field. 0 and 1 stay exact in bfloat16; 1/n would not."""
    values = torch.arange(size, device=like.device)[:, None]
    fields = torch.arange(bins, device=like.device)
    first, end = fields * size // bins, ((fields + 1) * size + bins - 1) // bins
    return ((values >= first) & (values < end)).to(like.dtype)


class PooledNorm(nn.BatchNorm2d):
    """Batch norm for maps pooled to a single value per channel.

    Statistics over a batch need two values. A training batch of one image (often the last of an epoch) has one; it is
    normalised by the running statistics, which it leaves as they are, where torch would raise. On several ranks the
    statistics are those of all of them, which have two values or more.
    """

    def forward(self, input: Tensor) -> Tensor:
        """(B, C, h, w) -> the same shape."""
        alone = not (distributed.is_available() and distributed.is_initialized())
        if self.training and alone and input.shape[0] * input.shape[2] * input.shape[3] == 1:
            return F.batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        return super().forward(input)
