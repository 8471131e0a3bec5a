"""What every data set in conf/datamodule must do; a new YAML is found by itself."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from segexp.config.checked import checked_train
from segexp.config.paths import conf_dir
from segexp.data.base import SegmentationDataModule
from segexp.data.sampling.samples import Batch
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.spec import IGNORED
from segexp.training.build import build_datamodule
from tests.data.made import painted, write

NAMES = sorted(path.stem for path in (conf_dir() / "datamodule").glob("*.yaml"))


def drive(folder: Path) -> list[str]:
    generate("vessels", "drive", folder / "DRIVE", count=6, size=48, seed=0)
    return [f"datamodule.root={folder / 'DRIVE'}", "datamodule.crop_size=32", "datamodule.crops_per_image=2"]


def folder(place: Path) -> list[str]:
    """Masks of 0, 1, 2 and 255, which is ignored; all else is guessed."""
    for seed in range(6):
        item = painted(seed=seed)
        write(place / "own" / "images" / f"{seed}.png", item.image)
        write(place / "own" / "masks" / f"{seed}_mask.png", item.target)
    return [
        f"datamodule.root={place / 'own'}",
        "datamodule.ignored=[255]",
        "datamodule.crop_size=32",
        "datamodule.crops_per_image=2",
    ]


def inria(folder: Path) -> list[str]:
    generate("buildings", "inria", folder / "inria", count=8, size=48, seed=0)
    return [f"datamodule.root={folder / 'inria'}", "datamodule.crop_size=32", "datamodule.crops_per_image=2"]


def synthetic(_: Path) -> list[str]:
    counts = [f"datamodule.{part}_images=2" for part in ("train", "val", "test")]
    return ["datamodule.size=48", "datamodule.crop_size=32", *counts]


def cells(folder: Path) -> list[str]:
    generate("cells", "cells", folder / "cells", count=12, size=48, seed=0)
    return [f"datamodule.root={folder / 'cells'}", "datamodule.crop_size=32"]


def salt(folder: Path) -> list[str]:
    generate("buildings", "salt", folder / "salt", count=10, size=40, seed=0)
    return [f"datamodule.root={folder / 'salt'}", "datamodule.crop_size=32"]


def arrays(folder: Path) -> list[str]:
    generate("buildings", "arrays", folder / "arrays", count=10, size=40, seed=0)
    return [f"datamodule.root={folder / 'arrays'}", "datamodule.crop_size=32"]


# Channels of the images, where it is not three.
CHANNELS = {"salt": 1}

# Name of the YAML -> writes tiny files in the layout of the set and gives the overrides that find them.
FILES: dict[str, Callable[[Path], list[str]]] = {
    "arrays": arrays,
    "cells": cells,
    "drive": drive,
    "folder": folder,
    "inria": inria,
    "salt": salt,
    "synthetic": synthetic,
}


def make(name: str, folder: Path, *more: str) -> SegmentationDataModule:
    if name not in FILES:
        pytest.fail(
            f"conf/datamodule/{name}.yaml has no test data: add a function to FILES in {Path(__file__).name} that "
            "writes a few tiny images in its layout and returns the overrides that find them"
        )
    overrides = [f"datamodule={name}", *FILES[name](folder), "datamodule.loader.batch_size=2", *more]
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        experiment = checked_train(compose("train", overrides))
    return build_datamodule(experiment.datamodule, experiment.augment)


@pytest.fixture(params=NAMES)
def name(request: Any) -> str:
    return str(request.param)


@pytest.fixture
def data(name: str, tmp_path: Path) -> SegmentationDataModule:
    return make(name, tmp_path)


def test_conf_has_data_sets() -> None:
    assert {"drive", "synthetic"} <= set(NAMES)


def test_yaml_holds_every_key_of_the_class(name: str) -> None:
    from segexp.config.signature import signature

    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        section = OmegaConf.to_container(compose("train", [f"datamodule={name}"]).datamodule, resolve=False)
    found = signature(section["_target_"])  # type: ignore[call-overload,index]
    assert found is not None
    assert set(section) - {"_target_"} == set(found.parameters) - {"augment"}


def check(batch: Batch, data: SegmentationDataModule) -> None:
    image, mask, index = batch["image"], batch["target"], batch["index"]
    size, channels, height, width = image.shape
    assert image.dtype == mask.dtype == torch.uint8
    assert channels == data.spec.in_channels
    assert mask.shape == (size, height, width)
    assert (index.shape, index.dtype) == ((size,), torch.int64)
    assert image.stride() == (height * width * channels, 1, width * channels, channels)  # channels last
    legal = {*range(data.spec.num_classes), IGNORED}
    assert set(mask.unique().tolist()) <= legal
    assert (mask != IGNORED).any()
    assert image.float().std() > 0


def test_batches_are_as_the_contract_says(name: str, data: SegmentationDataModule) -> None:
    training = list(data.train_dataloader())
    assert sum(len(batch["index"]) for batch in training) == data.samples_per_epoch
    assert all(batch["image"].shape[1:] == (CHANNELS.get(name, 3), 32, 32) for batch in training)
    for batch in training:
        check(batch, data)
    for phase, loader in (("val", data.val_dataloader()), ("test", data.test_dataloader())):
        whole = list(loader)
        assert [int(index) for batch in whole for index in batch["index"]] == list(range(len(data.items(phase))))  # type: ignore[arg-type]
        for batch, item in zip(whole, data.items(phase), strict=True):  # type: ignore[arg-type]
            check(batch, data)
            assert np.array_equal(batch["image"][0].permute(1, 2, 0).numpy(), item.image)
            assert np.array_equal(batch["target"][0].numpy(), item.target)


def test_parts_are_disjoint_and_named_once(data: SegmentationDataModule) -> None:
    names = [item.name for phase in PHASES for item in data.items(phase)]
    assert len(names) == len(set(names))
    pixels = [item.image.tobytes() for phase in PHASES for item in data.items(phase)]
    assert len(pixels) == len(set(pixels))
    assert all(data.items(phase) for phase in PHASES)


def test_spec_fits_the_pixels(data: SegmentationDataModule) -> None:
    spec = data.spec
    assert len(spec.colours) == spec.num_classes == len(set(spec.classes)) >= 2
    assert all(0 <= value <= 255 for colour in spec.colours for value in colour)
    assert len(spec.mean) == len(spec.std) == spec.in_channels
    assert all(0 < mean < 255 for mean in spec.mean)
    assert all(std > 0 for std in spec.std)
    every = np.unique(np.concatenate([item.target.ravel() for phase in PHASES for item in data.items(phase)]))
    assert set(every.tolist()) - {IGNORED} == set(range(spec.num_classes))


def test_setup_twice_reads_once(data: SegmentationDataModule) -> None:
    data.setup("fit")
    first = data.items("train")
    data.setup("test")
    assert data.items("train") is first
    assert data.describe()["train"]["names"] == [item.name for item in first]
    assert isinstance(data.scored_region(), str)


def test_seed_decides_the_crops_and_not_the_split(name: str, tmp_path: Path) -> None:
    first, again, other = (make(name, tmp_path / str(place), f"seed={seed}") for place, seed in enumerate((1, 1, 2)))

    def drawn(data: SegmentationDataModule) -> bytes:
        return b"".join(batch["image"].contiguous().numpy().tobytes() for batch in data.train_dataloader())

    assert drawn(first) == drawn(again)
    assert drawn(first) != drawn(other)
    for phase in PHASES:
        assert [i.name for i in first.items(phase)] == [i.name for i in other.items(phase)]
