"""The real DRIVE images, where they are."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.drive import DriveDataModule
from segexp.data.splits.rules import PHASES
from segexp.errors import DataError

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data" / "DRIVE"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "training").is_dir(), reason=f"the real DRIVE is not in {ROOT}"),
]


@pytest.fixture(scope="module")
def data() -> DriveDataModule:
    return DriveDataModule(str(ROOT), split="holdout")


def test_twenty_images_in_three_parts_without_overlap(data: DriveDataModule) -> None:
    names = {phase: {item.name for item in data.items(phase)} for phase in PHASES}
    assert {phase: len(found) for phase, found in names.items()} == {"train": 14, "val": 2, "test": 4}
    assert set.union(*names.values()) == {f"{number}_training" for number in range(21, 41)}
    assert data.notes == []


def test_sizes_types_and_shares(data: DriveDataModule) -> None:
    vessel, inside = [], []
    for item in (item for phase in PHASES for item in data.items(phase)):
        assert (item.image.shape, item.image.dtype) == ((584, 565, 3), np.uint8)
        assert (item.target.shape, item.target.dtype) == ((584, 565), np.uint8)
        assert set(np.unique(item.target)) == {0, 1, 255}
        vessel.append((item.target == 1).sum() / (item.target != 255).sum())
        inside.append((item.target != 255).mean())
    # Measured once: 12.5 % of the field of view is vessel (8.7 to 16.8 %), and 68.2 to 69.2 % of an image is inside.
    assert np.mean(vessel) == pytest.approx(0.1254, abs=1e-3)
    assert min(vessel) == pytest.approx(0.0874, abs=1e-3)
    assert max(vessel) == pytest.approx(0.1678, abs=1e-3)
    assert all(0.68 < share < 0.70 for share in inside)


def test_mean_colour_is_that_of_a_retina(data: DriveDataModule) -> None:
    red, green, blue = data.spec.mean
    assert red > 150 > green > blue > 30


def test_three_classes(data: DriveDataModule) -> None:
    three = DriveDataModule(str(ROOT), split="holdout", labels="three_class")
    for two, item in zip(data.items("test"), three.items("test"), strict=True):
        assert two.name == item.name
        assert set(np.unique(item.target)) == {0, 1, 2}
        assert np.array_equal(item.target == 0, two.target == 255)
        assert np.array_equal(item.target == 1, two.target == 1)


def test_official_split_says_that_the_test_folder_is_missing() -> None:
    if (ROOT / "test").is_dir():
        pytest.skip("this copy has a test folder")
    with pytest.raises(DataError, match=r"DRIVE/test: no such folder .*datamodule\.split=holdout"):
        DriveDataModule(str(ROOT)).setup()
