"""DRIVE on generated files: splits, pixel values, second observer."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.drive import DriveDataModule
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError
from tests.data.made import read, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five images for training (21-25), five for the test (01-05), 48x40."""
    folder = tmp_path_factory.mktemp("data") / "DRIVE"
    generate("vessels", "drive", folder, count=10, size=(48, 40), seed=0)
    return folder


def names(data: DriveDataModule) -> dict[str, list[str]]:
    return {phase: [item.name for item in data.items(phase)] for phase in PHASES}


def together(split: dict[str, list[str]]) -> list[str]:
    return sorted(name for found in split.values() for name in found)


def files(root: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    number, part = name.split("_")
    folder = root / part
    return (
        read(folder / "images" / f"{name}.tif"),
        read(folder / "1st_manual" / f"{number}_manual1.gif"),
        read(folder / "mask" / f"{name}_mask.gif"),
    )


def test_official_split_tests_the_test_folder(root: Path) -> None:
    split = names(DriveDataModule(str(root), val_fraction=0.4))
    assert split["test"] == [f"{n:02d}_test" for n in range(1, 6)]
    assert len(split["val"]) == 2
    assert sorted(split["train"] + split["val"]) == [f"{n}_training" for n in range(21, 26)]
    assert split == names(DriveDataModule(str(root), val_fraction=0.4, seed=9))  # only split_seed changes it
    others = [names(DriveDataModule(str(root), val_fraction=0.4, split_seed=s))["val"] for s in range(1, 6)]
    assert any(other != split["val"] for other in others)


def test_holdout_and_kfold_use_training_only(root: Path) -> None:
    split = names(DriveDataModule(str(root), split="holdout", val_fraction=0.2, test_fraction=0.4))
    assert {phase: len(found) for phase, found in split.items()} == {"train": 2, "val": 1, "test": 2}
    everything = [f"{n}_training" for n in range(21, 26)]
    assert together(split) == everything
    folds = [names(DriveDataModule(str(root), split="kfold", folds=5, fold=fold)) for fold in range(5)]
    assert sorted(name for fold in folds for name in fold["test"]) == everything
    assert all(together(fold) == everything for fold in folds)
    with pytest.raises(ConfigError, match=r"datamodule\.fold: found 5, expected 0\.\.4"):
        DriveDataModule(str(root), split="kfold", folds=5, fold=5).setup()


def test_vessel_labels_are_ignored_outside_the_field_of_view(root: Path) -> None:
    data = DriveDataModule(str(root))
    assert data.spec.classes == ("background", "vessel")
    assert data.spec.out_channels == 1
    assert "inside the field of view" in data.scored_region()
    for item in data.items("train") + data.items("test"):
        image, manual, fov = files(root, item.name)
        assert np.array_equal(item.image, image)
        assert np.array_equal(item.target, np.where(fov == 0, 255, manual // 255))
        assert set(np.unique(item.target)) == {0, 1, 255}


def test_three_classes_cover_the_whole_image(root: Path) -> None:
    data = DriveDataModule(str(root), labels="three_class")
    assert data.spec.classes == ("outside", "vessel", "tissue")
    assert data.spec.out_channels == 3
    assert data.scored_region() == "all pixels"
    for item in data.items("test"):
        _, manual, fov = files(root, item.name)
        assert set(np.unique(item.target)) == {0, 1, 2}
        assert np.array_equal(item.target == 0, fov == 0)
        assert np.array_equal(item.target == 1, (fov > 0) & (manual > 0))


@pytest.mark.parametrize(("labels", "outside"), [("vessel", 0), ("three_class", 0)])
def test_second_observer_is_a_prediction_for_every_test_image(root: Path, labels: str, outside: int) -> None:
    data = DriveDataModule(str(root), labels=labels)  # type: ignore[arg-type]
    seconds = data.observers()["second observer"]
    assert list(seconds) == [item.name for item in data.items("test")]
    for name, mask in seconds.items():
        drawn = read(root / "test/2nd_manual" / f"{name[:2]}_manual2.gif") > 0
        _, manual, fov = files(root, name)
        assert np.array_equal(mask == 1, drawn & (fov > 0))
        assert (mask[fov == 0] == outside).all()
        assert not np.array_equal(mask == 1, manual > 0)


def test_no_second_observer_unless_every_test_image_has_one(root: Path) -> None:
    assert DriveDataModule(str(root), split="holdout", val_fraction=0.2).observers() == {}


def test_evaluation_size_changes_validation_and_test_only(root: Path) -> None:
    data = DriveDataModule(str(root), eval_size=32)
    assert {item.target.shape for item in data.items("train")} == {(48, 40)}
    for item in data.items("val") + data.items("test"):
        assert (item.image.shape, item.target.shape) == ((32, 32, 3), (32, 32))
        assert set(np.unique(item.target)) <= {0, 1, 255}
    assert {mask.shape for mask in data.observers()["second observer"].values()} == {(32, 32)}


def test_mask_values_may_be_turned_round(root: Path) -> None:
    plain = {item.name: item.target for item in DriveDataModule(str(root)).items("test")}
    for item in DriveDataModule(str(root), mask_values={0: 1, 255: 0}).items("test"):
        inside = item.target != 255
        assert np.array_equal(inside, plain[item.name] != 255)
        assert np.array_equal(item.target[inside], 1 - plain[item.name][inside])


def test_stray_files_are_passed_over_and_named_unless_they_are_clutter(tmp_path: Path) -> None:
    root = tmp_path / "DRIVE"
    generate("vessels", "drive", root, count=4, size=40, seed=0)
    for name in ("Thumbs.db", ".DS_Store", "desktop.ini"):
        (root / "training/images" / name).write_bytes(b"x")
    (root / "training/images/notes.txt").write_text("mine")
    write(root / "training/1st_manual/21_manual1_old.gif", np.zeros((4, 4), np.uint8))
    data = DriveDataModule(str(root))
    data.setup()
    assert data.notes == [
        f"{root}/training/{name}: not used, its name does not fit the layout of DRIVE"
        for name in ("images/notes.txt", "1st_manual/21_manual1_old.gif")
    ]
    assert data.describe()["notes"] == data.notes
    assert len(data.items("train")) + len(data.items("val")) == 2


def test_whole_images_of_different_sizes_are_refused_before_training(tmp_path: Path) -> None:
    root = tmp_path / "DRIVE"
    generate("vessels", "drive", root, count=6, size=40, seed=0)
    for path in sorted(root.glob("*/*/*")):
        if path.name.startswith(("01", "21")):
            write(path, read(path)[:, :36])
    with pytest.raises(ConfigError, match=r"datamodule\.crop_size: images have different sizes"):
        DriveDataModule(str(root), split_seed=2, loader={"batch_size": 2}).setup()
    with pytest.raises(ConfigError, match=r"loader\.eval_batch_size: found 2, .*different sizes; use 1, or set"):
        DriveDataModule(str(root), crop_size=32, loader={"eval_batch_size": 2}).setup()
    data = DriveDataModule(str(root), crop_size=32, eval_size=32, loader={"eval_batch_size": 2})
    assert [tuple(batch["image"].shape) for batch in data.test_dataloader()] == [(2, 3, 32, 32), (1, 3, 32, 32)]
