# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # segexp from Python
#
# The same experiments as on the command line, in a notebook. Open this file with jupytext, or run it:
# `python examples/python_api.py`. It draws its images itself and takes some seconds.

# %%
# Where segexp comes from if it is not installed, as on Colab and Kaggle: a name of the package index or a wheel's path.
SEGEXP = "segexp"

import importlib
import importlib.util
import subprocess
import sys

if any(importlib.util.find_spec(name) is None for name in ("segexp", "pandas")):
    subprocess.run([sys.executable, "-m", "pip", "install", "--quiet", SEGEXP, "pandas"], check=True)
    importlib.invalidate_caches()

# %%
from dataclasses import replace

import numpy as np
import torch

from segexp import Run, compose, train

# %% [markdown]
# ## Compose
#
# The words are those of the command line, and are checked whole; torch is not needed for that. What comes out is one
# frozen value.

# %%
WORDS = (
    "model=unet", "model.base=4", "model.depth=2", "datamodule.size=48", "datamodule.train_images=6",
    "datamodule.val_images=3", "datamodule.test_images=3", "datamodule.crop_size=null", "trainer.max_epochs=2",
    "metric=none", "bootstrap=100", "panels=1", "speed=off",
)  # fmt: skip
experiment = compose(*WORDS)
assert experiment.trainer.max_epochs == 2
assert experiment.plain()["model"]["_target_"] == "segexp.models.unet.UNet"
assert experiment.direction == "max"

# %% [markdown]
# ## Train
#
# Everything lies in the run folder, as after `python -m segexp`. A second call in the same notebook starts as a fresh
# process would.

# %%
run = train(*WORDS)
assert run.state == "finished"
assert run.report.is_file()
assert 0 <= run.figures["test/miou"] <= 1
run

# %% [markdown]
# ## Look at the figures
#
# A frame of pandas where pandas is installed: one row per test image and predictor, one row per epoch.

# %%
worst_first = run.per_image[run.per_image["row"] == "model"].sort_values("miou")
assert len(worst_first) == 3
assert run.metrics["epoch"].tolist() == [0, 1]
worst_first[["image", "miou"]]

# %% [markdown]
# ## Use the model
#
# It takes files, arrays and Pillow images, one or a list, and scales them as its test did.

# %%
image = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)
mask = run.model(image)
assert mask.shape == (48, 48)
assert len(run.model([image, image])) == 2
run.model.plot(image)

# %% [markdown]
# Gradients on request: how much each pixel moves the mean logit.

# %%
pixels = torch.from_numpy(image).permute(2, 0, 1).float().requires_grad_()
run.model.logits(pixels, gradients=True).mean().backward()
assert pixels.grad is not None
assert pixels.grad.abs().sum() > 0

# %% [markdown]
# ## Come back later
#
# `Run` makes the same object of any run folder; a change of one key is another run.

# %%
assert Run(run.path).figures == run.figures
other = train(replace(experiment, seed=1, baselines=False, panels=0))
assert other.config["seed"] == 1
assert other.path != run.path
