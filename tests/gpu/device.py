"""What the tests of this folder compute on, and tiny runs there."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from hydra import compose, initialize_config_dir

from segexp.config.composed import checked_train
from segexp.config.experiment import Experiment
from segexp.config.migration import for_hydra
from segexp.config.paths import conf_dir

NAME = os.environ.get("SEGEXP_TEST_DEVICE", "cuda")

SHORT = (
    "trainer.max_epochs=2", "trainer.progress=none", "baselines=false", "metric=none", "bootstrap=0", "panels=1",
)  # fmt: skip
VESSELS = (
    "datamodule=drive", "datamodule.crop_size=32", "datamodule.crops_per_image=2", "datamodule.loader.batch_size=4",
    "model=cunet", "model.base=4", "model.depth=2",
)  # fmt: skip
"""A network of few channels on drawn photographs of vessels."""


@dataclass(frozen=True)
class Device:
    """A device by the name that PyTorch gives it."""

    name: str = NAME

    @property
    def accelerator(self) -> Literal["gpu", "cpu"]:
        """As ``trainer.accelerator`` calls it."""
        return "cpu" if self.name == "cpu" else "gpu"

    @property
    def title(self) -> str:
        """As run.json has it."""
        return "cpu" if self.name == "cpu" else torch.cuda.get_device_name()

    @property
    def torch(self) -> torch.device:
        return torch.device("cpu") if self.name == "cpu" else torch.device(self.name, torch.cuda.current_device())

    def words(self, *overrides: str) -> list[str]:
        """The command line of a run of two epochs on it."""
        return [*SHORT, f"trainer.accelerator={self.accelerator}", *overrides]

    def vessels(self, drive: Path, *overrides: str) -> list[str]:
        """The command line of a run of two epochs on vessels."""
        return self.words(*VESSELS, f"datamodule.root={drive}", *overrides)

    def precision(self, wanted: Literal["bf16-mixed", "16-mixed"]) -> tuple[str, ...]:
        """The overrides for a precision of training."""
        if wanted == "16-mixed" and self.name == "cpu":
            # trainer.precision would be refused: Lightning makes bf16-mixed of it on a processor, but not of a plugin.
            plugin = "{_target_: lightning.pytorch.plugins.MixedPrecision, precision: 16-mixed, device: cpu}"
            return (f"trainer.plugins={plugin}", "speed.precision=float32")
        return (f"trainer.precision={wanted}",)


def composed(device: Device, *overrides: str) -> Experiment:
    """A run of two epochs with these overrides, checked."""
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        return checked_train(compose("train", for_hydra(device.words(*overrides))))
