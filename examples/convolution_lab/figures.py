# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # What the figures say: accuracy, overlap, label smoothing, imbalance
#
# `python examples/convolution_lab/figures.py` runs it; every number is asserted.

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
import numpy as np
import torch
from torch import Tensor, nn

from segexp.data.items.item import Item
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.losses.cross_entropy import CrossEntropy
from segexp.metrics.counts import confusion
from segexp.metrics.measures import dataset_scores

torch.manual_seed(0)

# %% [markdown]
# ## Accuracy .95 while finding nothing
#
# 100 pixels, 5 of them a ship, all predicted as background: accuracy .95. The overlap tells: IoU of the ship 0, of the
# background .95, mean .475; Dice of the background 2 * 95 / (100 + 95) = .974, mean .487.

# %%
truth = torch.zeros(1, 10, 10, dtype=torch.uint8)
truth[0, 4, 2:7] = 1
nothing = torch.zeros_like(truth)
scores = dataset_scores(confusion(nothing, truth, 2), ("background", "ship"))
assert scores["accuracy"] == 0.95
assert scores["iou"] == {"background": 0.95, "ship": 0.0}
assert scores["miou"] == 0.475
assert scores["dice"] == {"background": 2 * 95 / (100 + 95), "ship": 0.0}
assert round(scores["mdice"], 3) == 0.487

# %% [markdown]
# ## Label smoothing
#
# With e = .1 and ten classes the target is .91 on the true class and .01 on each other. The loss is then least where
# the probabilities are these, and no longer where the true logit has run away to infinity.

# %%
smooth = CrossEntropy(label_smoothing=0.1)
target = torch.full((10,), 0.1 / 10)
target[3] += 1 - 0.1
assert torch.allclose(target, torch.tensor([0.01] * 3 + [0.91] + [0.01] * 6))
mask = torch.full((1, 1, 1), 3, dtype=torch.uint8)


def loss(probabilities: Tensor) -> float:
    """Of the pixel, given its ten probabilities."""
    return smooth(probabilities.log().view(1, 10, 1, 1), mask).item()


assert abs(loss(target) - -(target * target.log()).sum().item()) < 1e-6
for other in ([0.019 / 9] * 3 + [0.981] + [0.019 / 9] * 6, [0.02] * 3 + [0.82] + [0.02] * 6):
    assert loss(torch.tensor(other)) > loss(target)

# %% [markdown]
# ## Auxiliary losses
#
# GoogLeNet's total is real + .3 aux1 + .3 aux2, in training only. Its gradient reaches early layers from three sides.

# %%
first, second, third = (nn.Linear(4, 4) for _ in range(3))
head, aux1, aux2 = (nn.Linear(4, 3) for _ in range(3))
inputs, labels = torch.randn(8, 4), torch.randint(0, 3, (8,))
early, middle = first(inputs), second(first(inputs))
parts = [nn.functional.cross_entropy(h(x), labels) for h, x in ((head, third(middle)), (aux1, early), (aux2, middle))]
total = parts[0] + 0.3 * parts[1] + 0.3 * parts[2]
gradients = [torch.autograd.grad(part, first.weight, retain_graph=True)[0] for part in parts]
expected = gradients[0] + 0.3 * gradients[1] + 0.3 * gradients[2]
assert torch.allclose(torch.autograd.grad(total, first.weight)[0], expected, atol=1e-6)

# %% [markdown]
# ## Class imbalance and positive windows
#
# A ship of 8x8 pixels in 128x128. Of 200 random crops of 32x32 few hold any of it; with half of the samples drawn
# around a pixel of the ship at least 100 do. In segexp: `datamodule.positive_fraction=0.5`.

# %%
ship = np.zeros((128, 128), dtype=np.uint8)
ship[20:28, 90:98] = 1
item = Item("sea", np.zeros((128, 128, 3), dtype=np.uint8), ship)
counts = np.array([[int((ship == k).sum()) for k in (0, 1)]])
assert counts[0, 1] / counts.sum() == 64 / 16384 == 0.00390625


def share_with_ship(positive_fraction: float) -> float:
    """Share of 200 crops that hold a pixel of the ship."""
    places = RandomLocations([item], 200, 32, counts, positive_fraction, (1,))
    found = 0
    for index in range(200):
        generator = np.random.default_rng([7, index])
        _, place = places.draw(index, generator)
        # Pixel (y, x) of the image comes to lie on pixel (v, u) of the crop; None leaves the place to the crop.
        top, left = generator.integers(0, 97, 2) if place is None else (place.y - place.v, place.x - place.u)
        top, left = np.clip([top, left], 0, 96)
        found += bool(ship[top : top + 32, left : left + 32].any())
    return found / 200


assert share_with_ship(0.0) < 0.25
assert share_with_ship(0.5) >= 0.5
assert share_with_ship(1.0) == 1.0

# The other remedies are of the loss: `loss.class_weights=auto`, `loss=focal`, `loss=bce_dice`.
