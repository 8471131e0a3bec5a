"""Every model trains under mixed precision, and in float32 gives on the device what it gives on the processor."""

import copy
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pytest
import torch

from segexp.config.experiment import Experiment
from segexp.data.synthetic.labelled import write_class_folders
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.contracts.small_models import DISTINCT, NAMES, SHRINK, section
from tests.gpu.conftest import Note
from tests.gpu.device import Device, composed
from tests.training.runs import run

SIDE = 32
CLASSIFIERS = {name for name in NAMES if name.startswith("resnet") or name.endswith("googlenet")}


@pytest.fixture(scope="session")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six drawn images of each of three classes."""
    folder = tmp_path_factory.mktemp("scenes")
    write_class_folders(folder, count=6, side=40)
    return folder


def small(name: str, device: Device, drive: Path, scenes: Path, *overrides: str) -> Experiment:
    """A training of two epochs of a model of few channels."""
    if name == "zoo":
        pytest.importorskip("segmentation_models_pytorch", reason="segexp[zoo] is not installed")
    keys = [f"model.{key}={value}" for key, value in SHRINK.items() if key in section(name)]
    kind: Sequence[str] = (f"datamodule.root={drive}", "datamodule=drive", "datamodule.crop_size=64")
    if name in CLASSIFIERS:
        kind = (f"datamodule.root={scenes}", "datamodule=image_folder", f"datamodule.image_size={SIDE}",
                "task=classification", "loss=ce")  # fmt: skip
    elif name == "cae":
        kind = (f"datamodule.root={scenes}", "datamodule=images", f"datamodule.image_size={SIDE}",
                "task=reconstruction", "loss=mse", "model.kernel=8")  # fmt: skip
    elif name == "fcn8s_vgg16":
        kind = (*kind, "loss=ce", "task.two_logits=true")
    return composed(device, f"model={name}", *kind, *keys, "datamodule.loader.batch_size=4", *overrides)


@pytest.mark.parametrize("name", DISTINCT)
def test_float32_is_that_of_the_processor(name: str, device: Device, drive: Path, scenes: Path, note: Note) -> None:
    experiment = small(name, device, drive, scenes, "speed.precision=float32")
    module = prepare(with_hardware(experiment), allocator=False).module.eval()
    image = torch.randint(0, 256, (2, 3, SIDE, SIDE), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    if name not in CLASSIFIERS and name != "cae":
        image = image.repeat(1, 1, 2, 2)
    with torch.no_grad(), torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        wanted = module(image)
        found = copy.deepcopy(module).to(device.torch)(image.to(device.torch)).cpu()
    worst = float((found - wanted).abs().max() / wanted.abs().max().clamp(min=1e-6))
    note(model=name, worst_relative_difference=worst)
    assert worst < 1e-3


@pytest.mark.parametrize("precision", ["bf16-mixed", "16-mixed"])
@pytest.mark.parametrize("name", DISTINCT)
def test_it_trains_under_mixed_precision(
    name: str,
    precision: Literal["bf16-mixed", "16-mixed"],
    device: Device,
    drive: Path,
    scenes: Path,
    note: Note,
) -> None:
    done = run(small(name, device, drive, scenes, *device.precision(precision)))
    losses = [float(row["train/loss"]) for row in done.rows]
    note(model=name, precision=precision, first_loss=losses[0], last_loss=losses[-1])
    assert len(losses) == 2
    assert all(map(math.isfinite, losses))
    weights = {key: value for key, value in done.last["state_dict"].items() if value.is_floating_point()}
    assert {value.dtype for value in weights.values()} == {torch.float32}
    assert all(bool(value.isfinite().all()) for value in weights.values())
    assert done.record["device"] == device.title
