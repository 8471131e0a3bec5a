"""model=zoo with its packages: sizes, names, weights, and one real training."""

import csv
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

pytest.importorskip("segmentation_models_pytorch", reason="the zoo's packages are not installed: make zoo")

import segmentation_models_pytorch as package

from segexp.errors import ConfigError, UserError
from segexp.models.sizes import InputSizeError, same_size
from segexp.models.zoo import Zoo

ROOT = Path(__file__).parents[2]
PAIRS = [
    ("Unet", "resnet18"),
    ("FPN", "tu-resnet10t"),
    ("DeepLabV3Plus", "resnet18"),
    ("unet", "tu-mobilenetv3_small_050"),
]


def image(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("architecture", "encoder"), PAIRS)
@pytest.mark.parametrize(("size", "channels"), [((33, 47), (3, 1)), ((37, 96), (1, 2)), ((101, 65), (4, 3))])
def test_any_size(architecture: str, encoder: str, size: tuple[int, int], channels: tuple[int, int]) -> None:
    torch.manual_seed(0)
    model = Zoo(*channels, architecture, encoder).eval()
    batch = image(2, channels[0], *size)
    with torch.no_grad():
        logits = same_size(model, batch)
        assert isinstance(logits, Tensor)
        assert logits.shape == (2, channels[1], *size)
        # The package's own model on the image that numpy mirrors to multiples of 32.
        missing = [max(-side % model.stride, 2 * model.stride - side) for side in size]
        padded = np.pad(batch.numpy(), [(0, 0), (0, 0), (0, missing[0]), (0, missing[1])], mode="reflect")
        wanted = model.model(torch.from_numpy(padded))[..., : size[0], : size[1]]
    assert torch.equal(logits, wanted)


@pytest.mark.parametrize("size", [(64, 96), (32, 32)])
def test_trains_on_a_single_image(size: tuple[int, int]) -> None:
    model = Zoo(3, 1).train()
    logits = same_size(model, image(1, 3, *size))
    assert isinstance(logits, Tensor)
    logits.square().mean().backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


def test_sizes_that_do_not_fit_are_refused() -> None:
    model = Zoo(3, 1).eval()
    with pytest.raises(InputSizeError, match=r"Unet was given 33x64.*stride of 32"):
        model(image(1, 3, 33, 64))
    with pytest.raises(InputSizeError, match=r"Unet was given 1x1: use at least 32x32"):
        same_size(model, image(1, 3, 1, 1))


def test_first_line_of_the_yaml_states_the_parameters() -> None:
    stated = re.search(r"([\d,]+) parameters", (ROOT / "conf/model/zoo.yaml").read_text().splitlines()[0])
    assert stated
    count = sum(parameter.numel() for parameter in Zoo(3, 1).parameters())
    reference = package.Unet("resnet18", encoder_weights=None)
    assert stated[1] == f"{count:,}"
    assert count == sum(parameter.numel() for parameter in reference.parameters())


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("Unett", "resnet18"), r"model.architecture: 'Unett' is unknown. Did you mean 'Unet'\?"),
        (("Unet", "resnet19"), r"model.encoder: 'resnet19' is unknown. Did you mean 'resnet18'\?"),
        (("Unet", "convnext_atto"), r"Did you mean 'tu-convnext_atto'\?"),
        (("Unet", "tu-resnet18x"), r"timm has no model 'resnet18x'. Did you mean 'tu-resnet18'\?"),
        (("PAN", "vgg16"), r"architecture=PAN and encoder=vgg16 do not go together"),
    ],
)
def test_wrong_names_show_the_nearest(names: tuple[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Zoo(3, 1, *names)


def test_weights_from_a_file(tmp_path: Path) -> None:
    reference = package.Unet("resnet18", encoder_weights=None)
    file = tmp_path / "encoder.pth"
    torch.save({**reference.encoder.state_dict(), "fc.weight": torch.zeros(1)}, file)
    model = Zoo(1, 1, encoder_weights=str(file))
    own, wanted = model.model.encoder.state_dict(), reference.encoder.state_dict()
    assert torch.equal(own["conv1.weight"], wanted["conv1.weight"].sum(1, keepdim=True))
    assert all(torch.equal(own[key], wanted[key]) for key in wanted if key != "conv1.weight")
    with pytest.raises(UserError, match=r"encoder\.pth for resnet34: missing layer1\.2"):
        Zoo(3, 1, encoder="resnet34", encoder_weights=str(file))
    file.write_bytes(b"broken")
    with pytest.raises(UserError, match=r"model\.encoder_weights: .*encoder\.pth is no state dict of torch"):
        Zoo(3, 1, encoder_weights=str(file))


@pytest.mark.parametrize(
    ("weights", "message"),
    [("imagnet", "Available options are: .'imagenet'"), ("imagenet", "encoder=resnet18 could not")],
)
def test_weights_that_cannot_be_had(
    weights: str, message: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def unreachable(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setattr("segmentation_models_pytorch.encoders.hf_hub_download", unreachable)
    with pytest.raises(UserError, match=message):
        Zoo(3, 1, encoder_weights=weights)


def test_one_real_training(tmp_path: Path) -> None:
    command = [
        "model=zoo", "model.architecture=FPN", "trainer.max_epochs=1", "datamodule.size=72", "datamodule.crop_size=65",
        "datamodule.train_images=3", "datamodule.val_images=2", "datamodule.test_images=2",
        "datamodule.loader.batch_size=4",
        "trainer.accelerator=cpu", "name=zoo", f"output_dir={tmp_path}",
    ]  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-m", "segexp", *command], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    (results,) = tmp_path.glob("zoo/*/results.json")
    assert "miou" in results.read_text()
    (metrics,) = tmp_path.glob("zoo/*/metrics.csv")
    rows = list(csv.DictReader(metrics.open()))
    assert len(rows) == 1
    assert 0 < float(rows[0]["train/loss"]) < 10
