"""MNIST: its four files wherever they lie, the digits that are asked for, and validation images from train alone."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.datasets.mnist import MnistDataModule
from segexp.data.synthetic.digits import draw_digit, write_digits
from segexp.errors import ConfigError, DataError
from segexp.rasters.formats.idx import read_idx, write_idx
from segexp.spec import LabelTarget


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_digits(tmp_path / "MNIST", train=80, test=20)
    return tmp_path / "MNIST"


def read(root: Path, **keys: Any) -> MnistDataModule:
    module = MnistDataModule(root=str(root), normalize="unit", **keys)
    module.setup()
    return module


def names(module: MnistDataModule, phase: Any) -> list[str]:
    return [item.name for item in module.items(phase)]


def test_digits_are_classes_and_images_keep_their_number(root: Path) -> None:
    module = read(root, digits=[5, 1])
    assert module.spec.target == LabelTarget(("5", "1"))
    assert (module.spec.in_channels, module.spec.std) == (1, (255.0,))
    assert names(module, "test") == ["test_00001", "test_00005", "test_00011", "test_00015"]
    images, labels = (read_idx(root / "raw" / f"t10k-{what}-ubyte.gz") for what in ("images-idx3", "labels-idx1"))
    for item in module.items("test"):
        number = int(item.name[-5:])
        assert np.array_equal(item.image[..., 0], images[number])
        assert module.spec.classes[int(item.target)] == str(labels[number])


def test_validation_images_come_from_train_with_a_share_of_each_digit(root: Path) -> None:
    module = read(root, digits=[1, 5, 6], val_fraction=0.25)
    train, val = set(names(module, "train")), set(names(module, "val"))
    assert not train & val
    assert (len(train), len(val)) == (18, 6)
    assert sorted(int(item.target) for item in module.items("val")) == [0, 0, 1, 1, 2, 2]
    assert names(read(root, digits=[1, 5, 6], val_fraction=0.25, seed=7), "val") == names(module, "val")
    assert names(read(root, digits=[1, 5, 6], val_fraction=0.25, split_seed=7), "val") != names(module, "val")


def test_all_may_train_and_that_is_said(root: Path) -> None:
    module = read(root, digits=[1, 5, 6], val_fraction=0.25, hold_out=False)
    assert len(module.items("train")) == 24
    seen = {name.replace("seen", "train") for name in names(module, "val")}
    assert seen == set(names(read(root, digits=[1, 5, 6], val_fraction=0.25), "val"))
    assert "all 24 images of train are trained on, and the 6 that validate (seen_...) are among them" in module.notes[0]


@pytest.mark.parametrize("packed", [True, False])
def test_files_lie_in_the_root_or_in_raw_packed_or_not_with_a_dash_or_a_dot(packed: bool, tmp_path: Path) -> None:
    write_digits(tmp_path / "a", train=40, test=20)
    expected = names(read(tmp_path / "a"), "test")
    if not packed:
        for path in list((tmp_path / "a" / "raw").iterdir()):
            name = path.name.removesuffix(".gz").replace("-idx", ".idx")
            (path.parent / name).write_bytes(gzip.decompress(path.read_bytes()))
            path.unlink()
    assert names(read(tmp_path / "a" / "raw"), "test") == expected == names(read(tmp_path / "a"), "test")


def test_what_is_missing_or_does_not_fit_is_named(root: Path) -> None:
    write_idx(root / "raw" / "t10k-labels-idx1-ubyte.gz", np.zeros(3, np.uint8))
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte.gz: holds an array \(20, 28, 28\), its labels \(3,\)"):
        read(root)
    (root / "raw" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match=r"no t10k-labels-idx1-ubyte or t10k-labels-idx1-ubyte\.gz in .*holds raw"):
        read(root)
    with pytest.raises(DataError, match=r"datamodule\.root: no folder"):
        read(root / "nowhere")


def test_digits_that_are_not_there_are_named(root: Path) -> None:
    write_idx(root / "raw" / "t10k-labels-idx1-ubyte.gz", np.zeros(20, np.uint8))
    with pytest.raises(DataError, match=r"none of its 20 labels is among datamodule.digits=\[1\]"):
        read(root, digits=[1])
    for wrong in ([1, 1], []):
        with pytest.raises(ConfigError, match=r"datamodule\.digits: found .*expected one or more different digits"):
            MnistDataModule(root=str(root), digits=wrong)


def test_drawn_digits_differ_from_each_other_and_are_the_same_each_time() -> None:
    ones = [draw_digit(1, np.random.default_rng(seed)) for seed in (0, 1, 0)]
    assert np.array_equal(ones[0], ones[2])
    assert not np.array_equal(ones[0], ones[1])
    assert all(image.shape == (28, 28) and image.max() > 200 and 0.03 < (image > 128).mean() < 0.4 for image in ones)
