# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # Comparing models honestly
#
# Is the deeper network worse, or was it unlucky? Four configurations, three seeds each, on the same test images: mean
# and deviation over seeds, differences image by image with intervals, and p-values corrected for their number. Images
# are drawn, networks tiny and trainings short: what is learnt here is how to compare. A GPU is used where there is
# one.

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
import itertools
from pathlib import Path

import numpy as np

from segexp import train
from segexp.report.comparison_page.compare import compare

# %% [markdown]
# ## The runs
#
# Two depths by two losses by three seeds. The seed moves first weights, order of samples, crops and augmentation;
# images and split stay the same, or differences would be those of the data. In a terminal this is one line, a sweep:
# `python -m segexp -m model=unet model.depth=1,2 loss=ce,ce_dice seed=0,1,2 ...`

# %%
DEPTHS, LOSSES, SEEDS = (1, 2), ("ce", "ce_dice"), (0, 1, 2)
OUTPUTS = Path("outputs/honest")
SMALL = (
    "model=unet",
    "model.base=4",
    "datamodule.scene=cells",
    "datamodule.size=48",
    "datamodule.train_images=8",
    "datamodule.val_images=4",
    "datamodule.test_images=10",
    "datamodule.crop_size=null",
    "datamodule.crops_per_image=2",
    "datamodule.loader.batch_size=4",
    "datamodule.loader.num_workers=0",
    "optimizer.lr=0.03",
    "scheduler=none",
    "trainer.max_epochs=6",
    "trainer.progress=none",
    "metric=none",
    "panels=0",
    "bootstrap=0",
    f"output_dir={OUTPUTS}",
)
runs = [
    train(*SMALL, f"model.depth={depth}", f"loss={loss}", f"seed={seed}")
    for depth, loss, seed in itertools.product(DEPTHS, LOSSES, SEEDS)
]
assert len({run.path for run in runs}) == 12

# %% [markdown]
# ## What a comparison is made of
#
# Runs that differ in nothing but the seed are one row. Each other row is compared with the best one. In a terminal:
# `python -m segexp compare outputs/honest 'write=[csv,md,html,tex]' rows=model.depth columns=loss`

# %%
comparison = compare([OUTPUTS], measure="miou", rows="model.depth", columns="loss")
(group,) = comparison.groups
assert [len(row.runs) for row in group.rows] == [3, 3, 3, 3]
for row in group.rows:
    spread = group.reached(row)
    print(f"{row.name:28} mean IoU {spread.mean:.3f} ± {spread.deviation:.3f}")

# %% [markdown]
# Three seeds say little about a deviation, and the comparison says so itself.

# %%
for note in comparison.notes:
    print(note)
assert any("seeds" in note for note in comparison.notes)

# %% [markdown]
# ## Paired differences, by hand
#
# An image that is hard is hard for both: differences on the same image have a smaller deviation than the two figures.
# Of a row its seeds are averaged first, then the difference is taken on each test image.

# %%
column = group.measure.column
best, other = group.base.of_images(column), group.rows[-1].of_images(column)
assert len(best) == len(other) == 10
by_hand = np.array([other[image] - best[image] for image in best])
found = group.differences[group.rows[-1].name]
assert np.allclose(by_hand, list(found.images.values()))
assert np.isclose(by_hand.mean(), found.mean)
print(f"difference {found.mean:+.3f}, 95 % interval {found.interval[0]:+.3f} to {found.interval[1]:+.3f}")
print(f"better on {found.better} images, worse on {found.worse}")
assert found.interval[0] <= found.mean <= found.interval[1]
assert found.mean < 0

# %% [markdown]
# ## p-values, by hand
#
# Were the two alike, the difference of each image could as well have the other sign. All 2^10 choices of signs are
# tried: in how many is the mean as far from zero as it was found?

# %%
signs = np.array(list(itertools.product([-1, 1], repeat=len(by_hand))))
p_value = (abs(signs @ by_hand) >= abs(by_hand.sum()) - 1e-9).mean()
print(f"p = {p_value:.4f}")

# %% [markdown]
# Three comparisons are read together, and the chance of a false alarm grows with each. Holm (1979) takes the smallest
# p-value times three, the next one times two, and so on, and lets none be smaller than the one before.

# %%
plain = {}
for name, difference in group.differences.items():
    values = np.array(list(difference.images.values()))
    plain[name] = (abs(signs @ values) >= abs(values.sum()) - 1e-9).mean()
assert len(plain) == 3
assert plain[group.rows[-1].name] == p_value
corrected, highest = {}, 0.0
for rank, (name, value) in enumerate(sorted(plain.items(), key=lambda pair: pair[1])):
    highest = max(highest, min(1.0, value * (len(plain) - rank)))
    corrected[name] = highest
for name, value in corrected.items():
    print(f"{name:28} p = {plain[name]:.4f}, after Holm {value:.4f}")
    assert np.isclose(value, group.p_values[name])

# %% [markdown]
# ## What these p-values do not say
#
# They speak of other images, not of another training: a row that was unlucky with one seed is worse on all images, by
# each seed alike. The figures of the seeds say how far luck goes.

# %%
figures = {run.path: run.figures["test/image_miou"] for run in runs}
for row in group.rows:
    of_seeds = sorted(figures[found.path.resolve()] for found in row.runs)
    print(f"{row.name:28}", *(f"{figure:.3f}" for figure in of_seeds))

# %% [markdown]
# And beside a best row that was chosen on the same images, p-values flatter: choose on validation, or test on other
# images.
#
# ## For the thesis
#
# Tables of booktabs with the cross table of depth and loss, a page, and a CSV file.

# %%
files = comparison.write(Path("comparison"), ("csv", "md", "html", "tex"))
assert [file.name for file in files] == ["summary.csv", "summary.md", "summary.tex", "summary.html"]
assert Path("comparison/summary.tex").read_text(encoding="utf-8").count(r"\toprule") >= 2
print(Path("comparison/summary.md").read_text(encoding="utf-8"))
