"""Damaged copies of Inria: every message names the file or key and says what was expected."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.inria import InriaDataModule
from segexp.data.synthetic.generate import generate
from segexp.errors import DataError
from tests.data.made import read, write

IMAGES, GT = "AerialImageDataset/train/images", "AerialImageDataset/train/gt"
TIF, MASK = f"{IMAGES}/chicago1.tif", f"{GT}/chicago1.tif"


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def rename(old: str, new: str) -> Callable[[Path], None]:
    return lambda root: (root / old).rename(root / new) and None


def cut_off(name: str, size: int) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size]) and None


def change(name: str, edit: Callable[[np.ndarray], np.ndarray]) -> Callable[[Path], None]:
    return lambda root: write(root / name, edit(read(root / name)))


def stray(array: np.ndarray) -> np.ndarray:
    array[20, 20] = 128
    return array


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no root": (shutil.rmtree, r"datamodule\.root: no folder {root}; give the folder AerialImageDataset"),
    "another folder": (
        lambda root: (root / "AerialImageDataset/train").rename(root / "AerialImageDataset/training"),
        r"datamodule\.root: {root} holds AerialImageDataset; expected AerialImageDataset/train/images and gt, or ",
    ),
    "no gt folder": (
        lambda root: shutil.rmtree(root / GT),
        rf"{{root}}/{GT}: no such folder, expected the masks of {{root}}/{IMAGES}",
    ),
    "empty": (
        lambda root: [path.unlink() for part in (IMAGES, GT) for path in (root / part).iterdir()] and None,
        rf"{{root}}/{IMAGES}: no image named <city><number>\.tif or",
    ),
    "no mask": (remove(MASK), rf"{{root}}/{TIF}: its mask is missing, expected {{root}}/{MASK}"),
    "no image": (remove(TIF), rf"{{root}}/{MASK}: belongs to no image"),
    "name without a number": (
        rename(TIF, f"{IMAGES}/chicago.tif"),
        rf"{{root}}/{IMAGES}/chicago\.tif: its name does not say which tile it is; expected <city><number>\.tif or .*\n"
        rf"{{root}}/{MASK}: belongs to no image",
    ),
    "number with a zero in front": (rename(TIF, f"{IMAGES}/chicago01.tif"), r".*chicago01\.tif: its name does not say"),
    "unknown city": (rename(TIF, f"{IMAGES}/chicgo1.tif"), r".*no city of the set is called chicgo; is it chicago\?"),
    "another city": (
        rename(TIF, f"{IMAGES}/paris1.tif"),
        r".*no city of the set is called paris; a city of your own is named in datamodule\.cities",
    ),
    "two of one name": (
        lambda root: write(root / IMAGES / "chicago1.png", read(root / TIF)),
        r".*chicago1\.tif: has the name of chicago1\.png; keep one of them",
    ),
    "truncated image": (
        cut_off(TIF, 3000),
        rf"{{root}}/{TIF}: cannot be read as an image \(3000 bytes; .*end beyond the file\)",
    ),
    "truncated mask": (cut_off(MASK, 300), rf"{{root}}/{MASK}: cannot be read as an image \(300 bytes; "),
    "mask of another size": (
        change(MASK, lambda array: array[:-8]),
        rf"{{root}}/{MASK}: 40x48 pixels, but its image {{root}}/{TIF} has 48x48",
    ),
    "stray value": (
        change(MASK, stray),
        rf"{{root}}/{MASK}: mask values 128 fit no class .*datamodule\.mask_values='\{{{{0:0,128:1,255:1\}}}}'$",
    ),
    "colour in a mask": (
        change(MASK, lambda array: np.stack([array, array, 255 - array], axis=2)),
        rf"{{root}}/{MASK}: mask colours .* fit no class",
    ),
    "grey image": (
        change(TIF, lambda array: array[..., 0]),
        rf"{{root}}/{TIF}: found grey uint8 48x48 TIFF.*, expected RGB of 8 bits",
    ),
    "nothing of a city": (
        lambda root: [path.unlink() for part in (IMAGES, GT) for path in (root / part).glob("vienna*")] and None,
        r"datamodule\.cities: no image of 'vienna' in {root}/.*; there are austin, chicago, kitsap, tyrol-w",
    ),
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intact") / "inria"
    generate("buildings", "inria", folder, count=14, size=48, seed=0)
    return folder


@pytest.fixture
def root(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "inria"))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_the_file_and_what_to_do(root: Path, fault: str) -> None:
    damage, pattern = FAULTS[fault]
    damage(root)
    cities = ["chicago", "austin", "vienna"] if "of a city" in fault else None
    with pytest.raises(DataError) as caught:
        InriaDataModule(str(root), cities=cities, crop_size=32).setup()
    assert re.search("^" + pattern.format(root=re.escape(str(root))), str(caught.value), re.DOTALL), caught.value


def test_other_files_are_passed_over_and_named(root: Path) -> None:
    for name in (".DS_Store", "Thumbs.db", "chicago1.tif.aux.xml"):
        (root / IMAGES / name).write_text("x")
    data = InriaDataModule(str(root), crop_size=32)
    data.setup()
    assert [note for note in data.notes if "aux" in note] == [
        f"{root}/{IMAGES}/chicago1.tif.aux.xml: not used, it is no image"
    ]
    assert not any("Thumbs" in note or "DS_Store" in note for note in data.notes)


def test_faults_of_cities_not_asked_for_do_not_matter(root: Path) -> None:
    (root / GT / "vienna6.tif").unlink()
    InriaDataModule(str(root), cities=["chicago", "austin"], split="holdout", crop_size=32).setup()
    with pytest.raises(DataError, match=r"vienna6\.tif: its mask is missing"):
        InriaDataModule(str(root), crop_size=32).setup()


def test_own_city_and_own_mask_values(root: Path) -> None:
    for part in (IMAGES, GT):
        (root / part / "chicago1.tif").rename(root / part / "paris1.tif")
    edit = change(f"{GT}/paris1.tif", lambda array: array // 255)
    edit(root)
    more = {"cities": ["paris", "austin", "kitsap"], "crop_size": 32, "split": "holdout"}
    data = InriaDataModule(str(root), mask_values={0: 0, 1: 1, 255: 1}, **more)  # type: ignore[arg-type]
    assert "paris" in {item.group for phase in ("train", "val", "test") for item in data.items(phase)}  # type: ignore[arg-type]


def test_bad_tiles_are_left_out_on_request(root: Path) -> None:
    cut_off(TIF, 3000)(root)
    change(f"{GT}/austin6.tif", stray)(root)
    data = InriaDataModule(str(root), on_bad="skip", crop_size=32, split="holdout", val_fraction=0.3)
    data.setup()
    assert {entry["image"] for entry in data.skipped} == {"chicago1", "austin6"}
    assert sum(note.startswith("left out: ") for note in data.notes) == 2
