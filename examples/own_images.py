# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # From your own images to a model
#
# Images and masks in a folder become a tested model and a page with its figures. This notebook draws its images; put
# your own into `photos/images` and `photos/masks` and leave the drawing out. It takes some seconds on a processor; a
# GPU is used where there is one.

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
import json
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from segexp import Run, train

# %% [markdown]
# ## Images and masks
#
# Ten patients, two images of each: a reddish disc on noise. A mask is 0 on the ground and 255 on the disc, and has
# the name of its image.

# %%
ROOT = Path("photos")
SIDE = 64
drawn = np.random.default_rng(0)


def disc() -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """Draws an RGB image (64, 64, 3) and where its disc lies (64, 64)."""
    (y, x), (row, column) = np.mgrid[:SIDE, :SIDE], drawn.integers(12, SIDE - 12, 2)
    inside = (y - row) ** 2 + (x - column) ** 2 < drawn.integers(6, 12) ** 2
    image = drawn.normal(90, 20, (SIDE, SIDE, 3)) + inside[..., None] * np.array([60, 20, -20])
    return image.clip(0, 255).astype(np.uint8), inside


for kind in ("images", "masks"):
    (ROOT / kind).mkdir(parents=True, exist_ok=True)
for patient in range(10):
    for letter in "ab":
        image, inside = disc()
        name = f"p{patient:02}_{letter}.png"
        Image.fromarray(image).save(ROOT / "images" / name)
        Image.fromarray(inside.astype(np.uint8) * 255).save(ROOT / "masks" / name)

# %% [markdown]
# ## Train, validate, test
#
# The words are those of the command line, `python -m segexp datamodule=folder datamodule.root=photos ...`. Only the
# first two are needed:
#
# - `mask_values` gives the classes their names;
# - `split_by` says what must not be cut apart: the two images of a patient are both in training, validation or test;
# - the rest makes the model small and the run short.

# %%
run = train(
    "datamodule=folder",
    f"datamodule.root={ROOT}",
    "datamodule.mask_values={0: ground, 255: disc}",
    "datamodule.split_by={stem:p[0-9]+}",
    "datamodule.crop_size=null",
    "datamodule.crops_per_image=2",
    "datamodule.loader.batch_size=4",
    "datamodule.loader.num_workers=0",
    "model=unet",
    "model.base=4",
    "model.depth=2",
    "optimizer.lr=0.02",
    "trainer.max_epochs=15",
    "metric=none",
    "bootstrap=200",
)
assert run.state == "finished"

# %% [markdown]
# No patient is in two parts of the split: this is what makes the figures of the test believable.

# %%
split = json.loads((run.path / "split.json").read_text())
patients = {part: {name[:3] for name in names} for part, names in split.items()}
assert sum(map(len, patients.values())) == len(set().union(*patients.values())) == 10

# %% [markdown]
# ## What was learnt
#
# Figures of the test images, which chose nothing: neither the checkpoint nor the threshold. A model that finds the
# disc must beat Otsu's threshold and the predictor that says "ground" everywhere.

# %%
rows = {row["name"]: row["dataset"] for row in run.results["rows"]}
for name, figures in rows.items():
    print(f"{name:15} mean IoU {figures['miou']:.3f}")
assert run.figures["test/miou"] == rows["model"]["miou"] > 0.85
assert rows["model"]["miou"] > max(rows["Otsu"]["miou"], rows["all ground"]["miou"]) + 0.2

# %% [markdown]
# Which images were the hardest? One row per test image and predictor; a frame where pandas is installed.

# %%
run.per_image

# %% [markdown]
# ## The page
#
# `report.html` in the run folder: figures with intervals, curves, the images the model did worst and best on, and all
# that is needed to repeat the run. It is one file that can be sent.

# %%
print(run.report)
assert b"disc" in run.report.read_bytes()

# %% [markdown]
# ## Use it
#
# The model takes paths, Pillow images and arrays, of any size, and gives class numbers. Here on a new image:

# %%
image, inside = disc()
mask = run.model(image)
assert mask.shape == (SIDE, SIDE)
assert (mask == inside).mean() > 0.95
run.model.plot(image)

# %% [markdown]
# Tomorrow, in another process, the run folder is all that is needed.

# %%
again = Run(run.path)
assert np.array_equal(again.model(image), mask)
