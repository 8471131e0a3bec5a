# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Cheaper convolutions: 1x1, separable, grouped, inception
#
# Multiplications are counted on shapes alone, weights by their number; every number of the lecture is asserted.
# `python examples/convolution_lab/cheaper.py` runs it.

# %%
# Where segexp comes from if it is not installed, as on Colab and Kaggle: a name of the package index or a wheel's path.
SEGEXP = "segexp"

import importlib
import importlib.util
import subprocess
import sys

if importlib.util.find_spec("segexp") is None:
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", SEGEXP], check=True)
    importlib.invalidate_caches()

# %%
import torch
from torch import Tensor, nn

from segexp.inspection.cost import multiply_adds
from segexp.models.convs import separable_conv


def shape(layer: nn.Module, *size: int) -> tuple[int, ...]:
    """Shape of what a layer makes of (C, H, W)."""
    return tuple(layer.to("meta")(torch.empty(1, *size, device="meta")).shape[1:])


def cost(layer: nn.Module, *size: int) -> int:
    """Multiplications of a layer on (C, H, W)."""
    return multiply_adds(layer.to("meta"), torch.empty(1, *size, device="meta"))


def weights(layer: nn.Module) -> int:
    """Weights of a layer without biases."""
    return sum(p.numel() for p in layer.parameters() if p.ndim > 1)


# %% [markdown]
# ## 1x1 convolution: the same small dense layer at every pixel

# %%
assert shape(nn.Conv2d(3, 1, 1), 3, 6, 6) == (1, 6, 6)
assert shape(nn.Conv2d(3, 2, 1), 3, 6, 6) == (2, 6, 6)
assert shape(nn.Conv2d(50, 20, 1), 50, 200, 200) == (20, 200, 200)

pixelwise, dense = nn.Conv2d(50, 20, 1), nn.Linear(50, 20)
dense.weight.data, dense.bias.data = pixelwise.weight.data[:, :, 0, 0], pixelwise.bias.data
values = torch.randn(1, 50, 4, 4)
assert torch.allclose(pixelwise(values), dense(values.movedim(1, -1)).movedim(-1, 1), atol=1e-5)

# %% [markdown]
# ## 120 million multiplications down to a tenth
#
# 32 filters of 5x5 on 28x28x192 cost 120 million; with 16 filters of 1x1 in front, 12.4 million. A stride or a
# pooling in front saves as well, and gives a smaller map.

# %%
plain = nn.Conv2d(192, 32, 5, padding=2)
reduced = nn.Sequential(nn.Conv2d(192, 16, 1), nn.Conv2d(16, 32, 5, padding=2))
assert cost(plain, 192, 28, 28) == 120_422_400
assert cost(reduced, 192, 28, 28) == 2_408_448 + 10_035_200 == 12_443_648
assert shape(plain, 192, 28, 28) == shape(reduced, 192, 28, 28) == (32, 28, 28)
assert cost(nn.Conv2d(192, 32, 5, stride=2, padding=2), 192, 28, 28) == 120_422_400 // 4
assert cost(nn.Sequential(nn.MaxPool2d(2), nn.Conv2d(192, 32, 5, padding=2)), 192, 28, 28) == 120_422_400 // 4

# %% [markdown]
# ## Depth-wise separable convolution
#
# 256 filters of 5x5 on 12x12x3, no padding: 1,228,800 multiplications. A filter per channel, then 256 of 1x1: 53,952.

# %%
plain, separable = nn.Conv2d(3, 256, 5), separable_conv(3, 256, kernel=5, padding=0)
assert shape(plain, 3, 12, 12) == shape(separable, 3, 12, 12) == (256, 8, 8)
assert cost(plain, 3, 12, 12) == 1_228_800
assert cost(separable, 3, 12, 12) == 53_952

# In segexp: `model=cunet_separable`, `model.conv=separable` in the U-Nets.

# %% [markdown]
# ## Grouped convolution
#
# In g groups a filter sees 1/g of the channels: 1/g of the weights and of the multiplications. With as many groups as
# channels it is the depth-wise one. ResNeXt's block has 32 groups.

# %%
for groups in (1, 2, 32, 128):
    grouped = nn.Conv2d(128, 128, 3, padding=1, groups=groups)
    assert weights(grouped) == 147_456 // groups
    assert cost(grouped, 128, 14, 14) == 28_901_376 // groups

# The groups do not see one another: that is why ResNeXt mixes them with a 1x1 convolution.
first_only = torch.zeros(1, 4, 5, 5)
first_only[:, :2] = 1
two = nn.Conv2d(4, 4, 3, groups=2, bias=False)
assert two(first_only)[:, :2].count_nonzero() > 0
assert two(first_only)[:, 2:].count_nonzero() == 0


# %% [markdown]
# ## Inception: naive, with 1x1 reductions, factorised
#
# GoogLeNet's module 3a on 28x28x192: 64 of 1x1, 128 of 3x3, 32 of 5x5, and a pooling. Naive, the pooling hands on
# all 192 channels, and the maps grow with every module. With reductions (96, 16, and 32 after the pool) they are 256.


# %%
class Beside(nn.Module):
    """Layers beside each other, their maps stacked."""

    def __init__(self, *branches: nn.Module) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, K, H, W)."""
        return torch.cat([branch(maps) for branch in self.branches], dim=1)


def conv(channels_in: int, channels_out: int, side: int) -> nn.Conv2d:
    """As large as the image."""
    return nn.Conv2d(channels_in, channels_out, side, padding=side // 2)


pool = nn.MaxPool2d(3, stride=1, padding=1)
naive = Beside(conv(192, 64, 1), conv(192, 128, 3), conv(192, 32, 5), pool)
module = Beside(
    conv(192, 64, 1),
    nn.Sequential(conv(192, 96, 1), conv(96, 128, 3)),
    nn.Sequential(conv(192, 16, 1), conv(16, 32, 5)),
    nn.Sequential(pool, conv(192, 32, 1)),
)
assert shape(naive, 192, 28, 28) == (64 + 128 + 32 + 192, 28, 28)
assert shape(module, 192, 28, 28) == (256, 28, 28)
assert weights(module) == 163_328
assert cost(naive, 192, 28, 28) > 2.3 * cost(module, 192, 28, 28)

# v2: a 5x5 as two 3x3 (18 weights for 25), and n x n as 1xn and nx1: a 3x3 becomes 6 weights for 9, a third cheaper.
assert weights(nn.Sequential(conv(64, 64, 3), conv(64, 64, 3))) / weights(conv(64, 64, 5)) == 18 / 25
row, column = nn.Conv2d(64, 64, (1, 3), padding=(0, 1)), nn.Conv2d(64, 64, (3, 1), padding=(1, 0))
assert weights(nn.Sequential(row, column)) / weights(conv(64, 64, 3)) == 6 / 9
row, column = nn.Conv2d(64, 64, (1, 7), padding=(0, 3)), nn.Conv2d(64, 64, (7, 1), padding=(3, 0))
assert weights(nn.Sequential(row, column)) / weights(conv(64, 64, 7)) == 14 / 49
