# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Convolutions: sizes, strides and what a logit sees
#
# Every number of the lecture, computed and asserted. Open it as a notebook with jupytext, or run it:
# `python examples/convolution_lab/convolution.py`.

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
from torch import nn
from torch.nn import functional as F

from segexp.inspection.field import receptive_field
from segexp.models.dense import to_fully_convolutional
from segexp.models.upsampling import Upsample, bed_of_nails

torch.manual_seed(0)


def side(layer: nn.Module, length: int) -> int:
    """The side of the map that a layer makes of one channel of `length` x `length`."""
    return layer(torch.zeros(1, 1, length, length)).shape[-1]


# %% [markdown]
# ## VALID and SAME
#
# Without padding a filter of side k takes k - 1 pixels off a side. With (k - 1) / 2 zeros on each side the size stays,
# which needs an odd k: an even one would need half a pixel on each side.

# %%
assert side(nn.Conv2d(1, 1, 3), 4) == 2  # VALID
assert side(nn.Conv2d(1, 1, 3, padding=1), 5) == 5  # SAME
assert [side(nn.Conv2d(1, 1, k, padding=(k - 1) // 2), 8) for k in (3, 5, 7)] == [8, 8, 8]
assert [side(nn.Conv2d(1, 1, k, padding=(k - 1) // 2), 8) for k in (2, 4, 6)] == [7, 7, 7]
assert [side(nn.Conv2d(1, 1, k, padding=k // 2), 8) for k in (2, 4, 6)] == [9, 9, 9]

# %% [markdown]
# ## Stride, and the way back
#
# With stride 2 a 5x5 map becomes 2x2; the transposed convolution of the same filter goes back to 5x5.

# %%
assert side(nn.Conv2d(1, 1, 3, stride=2), 5) == 2
assert side(nn.ConvTranspose2d(1, 1, 3, stride=2), 2) == 5

# %% [markdown]
# ## A convolution is a matrix, and the transposed one is its transpose
#
# A 3x3 filter on a 4x4 map gives 2x2: a matrix of 4 rows and 16 columns. Its transpose, 16x4, spreads each of 4 values
# over 9 of 16 places: one to many.

# %%
kernel = torch.randn(1, 1, 3, 3, dtype=torch.float64)
units = torch.eye(16, dtype=torch.float64).view(16, 1, 4, 4)
matrix = F.conv2d(units, kernel).view(16, 4).T
assert matrix.shape == (4, 16)
assert [int(row.count_nonzero()) for row in matrix] == [9, 9, 9, 9]

image = torch.randn(1, 1, 4, 4, dtype=torch.float64)
assert torch.allclose(matrix @ image.flatten(), F.conv2d(image, kernel).flatten())

small = torch.randn(1, 1, 2, 2, dtype=torch.float64)
assert torch.allclose(matrix.T @ small.flatten(), F.conv_transpose2d(small, kernel).flatten())

# It goes back in size, not in values: nothing says that the transpose is the inverse.
assert not torch.allclose(F.conv_transpose2d(F.conv2d(image, kernel), kernel), image)

# %% [markdown]
# ## Unpooling: with switches, and the bed of nails
#
# Max-pooling remembers where each maximum was; max-unpooling puts it back there, with zeros elsewhere. The bed of nails
# puts every value at the top left of its 2x2 cell.

# %%
numbers = torch.tensor([[1.0, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]).view(1, 1, 4, 4)
pooled, switches = F.max_pool2d(numbers, 2, return_indices=True)
assert pooled.flatten().tolist() == [5, 6, 7, 8]
unpooled = F.max_unpool2d(pooled, switches, 2)
assert unpooled.view(4, 4).tolist() == [[0, 0, 6, 0], [0, 5, 0, 0], [0, 0, 0, 0], [7, 0, 0, 8]]
nails = bed_of_nails(pooled, 4, 4)
assert nails.view(4, 4).tolist() == [[5, 0, 6, 0], [0, 0, 0, 0], [7, 0, 8, 0], [0, 0, 0, 0]]
assert F.max_pool2d(unpooled, 2).equal(pooled)
assert F.max_pool2d(nails, 2).equal(pooled)

# The same ways inside a U-Net: `model.upsample=unpool`, `=bed_of_nails`, `=nearest`, `=bilinear`, `=transposed`.
up = Upsample(1, 1, "unpool")
assert up(pooled, 4, 4, switches).shape == (1, 1, 4, 4)

# %% [markdown]
# ## Receptive field
#
# Two 3x3 convolutions see 5x5 pixels with 18 weights in place of 25, three see 7x7 with 27 in place of 49. Dilation
# 1, 2, 4 doubles the reach of each layer at the same number of weights: 3, 7, 15 pixels.


# %%
def stack(*dilations: int) -> nn.Sequential:
    """3x3 convolutions of one channel, as large as the image."""
    return nn.Sequential(*(nn.Conv2d(1, 1, 3, padding=d, dilation=d, bias=False) for d in dilations))


def sees(model: nn.Module) -> tuple[int, int] | str | None:
    """Side in pixels of what a logit depends on, least and most."""
    with torch.device("meta"):
        return receptive_field(model.to("meta"), 1)


assert [sees(stack(*[1] * layers)) for layers in (1, 2, 3)] == [(3, 3), (5, 5), (7, 7)]
assert [sum(p.numel() for p in stack(*[1] * layers).parameters()) for layers in (1, 2, 3)] == [9, 18, 27]
assert [sees(stack(*[1, 2, 4][:layers])) for layers in (1, 2, 3)] == [(3, 3), (7, 7), (15, 15)]
# A pooling doubles the reach of all that follows: 3, 4 with the pooling, then 4 + 2 * 2 = 8.
assert sees(nn.Sequential(stack(1), nn.MaxPool2d(2), stack(1), nn.Upsample(scale_factor=2))) == (8, 8)

# %% [markdown]
# ## Fully connected layers are convolutions
#
# A layer from 7x7x512 values to 4096 is a 7x7 convolution with 4096 filters: the same 102,760,448 weights. As a
# convolution it takes larger images and scores every window at once, where the sliding window repeats nearly all work.

# %%
with torch.device("meta"):
    dense, conv = nn.Linear(7 * 7 * 512, 4096), nn.Conv2d(512, 4096, 7)
assert dense.weight.numel() == conv.weight.numel() == 102_760_448

classifier = nn.Sequential(
    nn.Conv2d(3, 4, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4 * 7 * 7, 8), nn.ReLU(), nn.Linear(8, 2)
)
for weight in classifier.parameters():  # whole numbers: every sum is exact, whatever its order
    weight.data = torch.randint(-2, 3, weight.shape).float()
scores = to_fully_convolutional(classifier, (16, 16))
fields = torch.randint(0, 16, (1, 3, 28, 24)).float()
with torch.no_grad():
    whole = scores(fields)
    windows = [[classifier(fields[..., y : y + 16, x : x + 16]) for x in range(0, 9, 2)] for y in range(0, 13, 2)]
assert whole.shape == (1, 2, 7, 5)
assert whole.equal(torch.stack([torch.stack(row, dim=-1) for row in windows], dim=-2))
