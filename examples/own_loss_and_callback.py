# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
# ---

# %% [markdown]
# # A loss and a callback of your own
#
# A loss is a class in a file, and so is a callback of Lightning; `_target_` names them. Nothing is registered. Images
# are drawn; it takes some seconds on a processor, and a GPU is used where there is one.

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

import torch
from torch import Tensor
from torch.nn import functional as F

from segexp import compose, train
from segexp.errors import ConfigError

# %% [markdown]
# ## The loss
#
# Logits (B, 1, H, W) and a mask of class numbers (B, H, W) go in, one number comes out. Pixels of value 255 are
# unknown and count nowhere. `check` refuses data that the loss does not fit. The annotations of the constructor are
# what the config is checked against: `PositiveFloat` refuses 0.
#
# The cell writes the file, since every process of a training must be able to import it.

# %%
LOSS = '''
from torch import Tensor
from torch.nn import functional as F

from segexp.errors import MismatchError
from segexp.losses.base import SegmentationLoss
from segexp.spec import IGNORED, DataSpec
from segexp.types import PositiveFloat


class Huber(SegmentationLoss):
    """Huber loss of the second class's probability, over the valid pixels; two classes. Activation: sigmoid."""

    one_logit = True

    def __init__(self, delta: PositiveFloat = 1.0) -> None:
        super().__init__()
        self.delta = delta

    def forward(self, logits: Tensor, mask: Tensor) -> Tensor:
        """Of logits (B, 1, H, W) and mask uint8 (B, H, W), 255 ignored: float32 scalar."""
        valid = mask != IGNORED
        likely = logits[:, 0][valid].float().sigmoid()
        return F.huber_loss(likely, mask[valid].float(), "sum", self.delta) / valid.sum().clamp(min=1)

    def check(self, spec: DataSpec) -> None:
        """Fits two classes."""
        if not spec.is_binary:
            raise MismatchError("loss=huber needs two classes: use loss=ce")
'''
Path("my_loss.py").write_text(LOSS.lstrip(), encoding="utf-8")

# %% [markdown]
# ## The callback
#
# One of Lightning's. What it logs stands in `metrics.csv`, in every logger, and may be the `monitor` of a run.

# %%
CALLBACK = '''
import lightning


class WeightNorm(lightning.Callback):
    """Logs the Euclidean norm of all weights at the end of each epoch."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, pl_module: lightning.LightningModule) -> None:
        squares = sum(float(weight.detach().square().sum()) for weight in pl_module.parameters())
        pl_module.log("weights/norm", squares**0.5)
'''
Path("my_callback.py").write_text(CALLBACK.lstrip(), encoding="utf-8")

# Python finds what lies in this folder.
sys.path.insert(0, str(Path.cwd()))

# %% [markdown]
# ## Try it by hand
#
# A loss is plain torch. Of two pixels that are sure and right it is 0; an ignored pixel changes nothing.

# %%
from my_loss import Huber  # type: ignore[import-not-found]

loss = Huber(delta=0.5)
sure = torch.tensor([[[[30.0, -30.0]]]])
assert loss(sure, torch.tensor([[[1, 0]]], dtype=torch.uint8)) < 1e-6
# Wrong by 1, beyond delta: 0.5 * (1 - 0.5 / 2) = 0.375.
assert torch.isclose(loss(sure, torch.tensor([[[0, 1]]], dtype=torch.uint8)), torch.tensor(0.375))
assert torch.isclose(loss(sure, torch.tensor([[[0, 255]]], dtype=torch.uint8)), torch.tensor(0.375))


def reference(logits: Tensor, mask: Tensor) -> Tensor:
    """The same of torch, where no pixel is ignored."""
    return F.huber_loss(logits[:, 0].sigmoid(), mask.float(), delta=0.5)


logits, mask = torch.randn(2, 1, 8, 8), torch.randint(0, 2, (2, 8, 8), dtype=torch.uint8)
assert torch.isclose(loss(logits, mask), reference(logits, mask))

# %% [markdown]
# ## Mistakes are told before anything is made
#
# A wrong key or value is one line: what was found, what was expected.

# %%
for wrong in ("loss.delta=0", "loss.dleta=0.5"):
    try:
        compose("loss._target_=my_loss.Huber", wrong)
    except ConfigError as error:
        print(error)
        assert "delta" in str(error)
    else:
        raise AssertionError(wrong)

# %% [markdown]
# ## Train
#
# In a terminal, all in one line: `python -m segexp loss._target_=my_loss.Huber loss.delta=0.5 ...` and
# `callbacks.norm._target_=my_callback.WeightNorm`

# %%
run = train(
    "loss._target_=my_loss.Huber",
    "loss.delta=0.5",
    "callbacks.norm._target_=my_callback.WeightNorm",
    "model=unet",
    "model.base=4",
    "model.depth=2",
    "datamodule.size=48",
    "datamodule.train_images=8",
    "datamodule.val_images=3",
    "datamodule.test_images=3",
    "datamodule.crop_size=null",
    "datamodule.loader.num_workers=0",
    "optimizer.lr=0.02",
    "trainer.max_epochs=4",
    "metric=none",
    "bootstrap=0",
)
assert run.config["loss"] == {"_target_": "my_loss.Huber", "delta": 0.5}

# %%
lines = (run.path / "metrics.csv").read_text(encoding="utf-8").splitlines()
head, *epochs = [line.split(",") for line in lines]
norms = [float(epoch[head.index("weights/norm")]) for epoch in epochs]
losses = [float(epoch[head.index("train/loss")]) for epoch in epochs]
assert len(norms) == 4
assert min(norms) > 0
assert losses[-1] < losses[0]
print(json.dumps({"norm of the weights": norms, "training loss": losses}, indent=2))

# %% [markdown]
# ## Keep it
#
# A folder with a YAML makes an option of it, `--config-dir my_conf loss=huber`, with a comment for each key, which
# `segexp help loss` shows. `check scope=contracts` then tries what the tests of segexp try on its own losses: ignored
# pixels, gradients, half precision, empty classes.

# %%
folder = Path("my_conf/loss")
folder.mkdir(parents=True, exist_ok=True)
YAML = """# Huber loss of the probability, for two classes
_target_: my_loss.Huber
delta: 1.0    # difference from which on the loss is linear
"""
(folder / "huber.yaml").write_text(YAML, encoding="utf-8")
experiment = compose("loss=huber", "loss.delta=0.25", config_dir="my_conf")
assert experiment.plain()["loss"] == {"_target_": "my_loss.Huber", "delta": 0.25}
