"""The split of a run is kept, whatever files have come or gone since."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.base import ImageDataModule
from segexp.data.datasets.inria import InriaDataModule
from segexp.data.datasets.salt import SaltDataModule
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.folder import FolderDataModule
from segexp.data.splits.rules import PHASES, Split
from segexp.errors import DataError
from tests.data.made import write

KINDS: dict[str, dict[str, Any]] = {
    "shares": {},
    "fold": {"split": "kfold", "folds": 3, "fold": 1},
    "units": {"split_by": "{patient}", "images": "images/{patient}_{n}.png", "masks": "masks/{patient}_{n}.png"},
}


def pair(root: Path, name: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    write(root / "images" / f"{name}.png", rng.integers(0, 255, (32, 32, 3), dtype=np.uint8))
    mask = np.zeros((32, 32), np.uint8)
    mask[:8, : 8 + seed % 16] = 255
    write(root / "masks" / f"{name}.png", mask)


def names(first: int, last: int) -> list[str]:
    return [f"p{number // 2:02d}_{number % 2}" for number in range(first, last)]


def eyes(root: Path, **keys: Any) -> FolderDataModule:
    return FolderDataModule(root=str(root), mask_values={0: "background", 255: "vessel"}, crop_size=16, **keys)


def parts(datamodule: ImageDataModule) -> Split:
    return {phase: [item.name for item in datamodule.items(phase)] for phase in PHASES}


@pytest.mark.parametrize("keys", KINDS.values(), ids=KINDS)
def test_new_files_are_told_and_used_nowhere(tmp_path: Path, keys: dict[str, Any]) -> None:
    for number, name in enumerate(names(0, 12)):
        pair(tmp_path, name, number)
    before = parts(eyes(tmp_path, **keys))
    for number, name in enumerate(names(12, 20)):
        pair(tmp_path, name, 100 + number)
    assert parts(eyes(tmp_path, **keys)) != before, "the case is none: the new files change nothing"
    again = eyes(tmp_path, **keys)
    again.keep_split(before)
    assert parts(again) == before
    (note,) = [note for note in again.notes if "used nowhere" in note]
    assert note.startswith("8 images that are in no part of the split of the run are used nowhere: p06_0, p06_1")


def test_files_that_are_gone_are_named(tmp_path: Path) -> None:
    for number, name in enumerate(names(0, 12)):
        pair(tmp_path, name, number)
    before = parts(eyes(tmp_path))
    for folder in ("images", "masks"):
        (tmp_path / folder / "p01_1.png").unlink()
    again = eyes(tmp_path)
    again.keep_split(before)
    with pytest.raises(DataError, match=r"^1 images of the run's split are not there: p01_1; put them back"):
        again.setup()


def test_other_data_sets_keep_it_too(tmp_path: Path) -> None:
    for number in range(14):
        pair(tmp_path / "salt", f"a{number:02d}", number)
        write(tmp_path / "salt" / "images" / f"a{number:02d}.png", np.full((32, 32, 3), 7 * number, np.uint8))
    made = {"root": str(tmp_path / "salt"), "crop_size": 16}
    whole = SaltDataModule(**made)  # type: ignore[arg-type]
    before = parts(whole)
    swapped: Split = {**before, "train": [*before["train"][1:], before["test"][0]], "test": before["train"][:1]}
    again = SaltDataModule(**made)  # type: ignore[arg-type]
    again.keep_split(swapped)
    assert parts(again) == swapped


def test_patches_keep_it_too(tmp_path: Path) -> None:
    def tile(number: int) -> None:
        rng = np.random.default_rng(number)
        for folder, shape in (("images", (64, 64, 3)), ("gt", (64, 64))):
            pixels = rng.integers(0, 255, shape, dtype=np.uint8) if folder == "images" else np.zeros(shape, np.uint8)
            pixels[:10] = 255
            write(tmp_path / folder / f"austin{number}.tif", pixels)

    def patches() -> InriaDataModule:
        return InriaDataModule(root=str(tmp_path), split="patches", patch_size=16, crop_size=16, val_fraction=0.2)

    tile(1)
    before = parts(patches())
    tile(2)
    again = patches()
    again.keep_split(before)
    assert parts(again) == before
    assert any(note.startswith("16 images that are in no part") for note in again.notes)


def test_data_that_are_no_files_must_be_the_same() -> None:
    def scenes(test: int) -> SyntheticDataModule:
        return SyntheticDataModule(size=32, train_images=2, val_images=1, test_images=test, crop_size=16)

    before = parts(scenes(2))
    same = scenes(2)
    same.keep_split(before)
    assert parts(same) == before
    other = scenes(3)
    other.keep_split(before)
    with pytest.raises(DataError, match=r"test_002: in the part test now, but in no part of the run that goes on"):
        other.setup()
    fewer = scenes(1)
    fewer.keep_split(before)
    with pytest.raises(DataError, match=r"test_001: not there now, but in test of the run"):
        fewer.setup()
