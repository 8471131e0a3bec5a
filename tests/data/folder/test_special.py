"""Named pipes, devices and sockets in a folder are passed over and named; a broken link is an image that is gone."""

import os
from pathlib import Path

import numpy as np
import pytest

from segexp.data.folder import FolderDataModule
from segexp.data.folder.tree import list_files
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, pairs


def strange(root: Path) -> dict[str, str]:
    """Puts one of each beside the images; what is said of them."""
    os.mkfifo(root / "images" / "pipe.png")
    os.mkfifo(root / "masks" / "pipe.png")
    (root / "images" / "zero.png").symlink_to("/dev/zero")
    (root / "images" / "folder.png").mkdir()
    return {
        "images/pipe.png": "is a named pipe (FIFO)",
        "masks/pipe.png": "is a named pipe (FIFO)",
        "images/zero.png": "is a device",
        "images/folder.png": "is a folder, not an image file",
    }


@pytest.mark.parametrize("keys", [{}, {"images": "images/*.png", "masks": "masks/{stem}.png"}])
def test_the_rest_is_read(tmp_path: Path, keys: dict[str, str]) -> None:
    said = strange(pairs(tmp_path))
    data = FolderDataModule(str(tmp_path), crop_size=16, **keys)
    data.setup()
    names = {Path(item.name).name for phase in ("train", "val", "test") for item in data.items(phase)}  # type: ignore[arg-type]
    assert names == set(NAMES)
    for path, words in said.items():
        assert f"{tmp_path / path}: passed over, {words}" in data.notes


def test_a_link_to_a_folder_above_does_not_go_round(tmp_path: Path) -> None:
    pairs(tmp_path)
    (tmp_path / "images" / "again").symlink_to(tmp_path)
    (tmp_path / "masks" / "there").symlink_to(tmp_path / "images")
    tree = list_files(tmp_path)
    assert sorted({np.sum([f.endswith(f"{n}.png") for f in tree.files]) for n in NAMES}) == [2]
    assert tree.special == ()


def test_a_table_that_is_a_pipe(tmp_path: Path) -> None:
    pairs(tmp_path)
    os.mkfifo(tmp_path / "patients.csv")
    data = FolderDataModule(str(tmp_path), table="patients.csv", crop_size=16)
    with pytest.raises(DataError, match=r"datamodule\.table: .*\.csv is a named pipe \(FIFO\), expected a file"):
        data.setup()


@pytest.mark.parametrize("goal", ["nowhere.png", "a1.png"])
def test_a_link_whose_goal_has_gone_is_refused(tmp_path: Path, goal: str) -> None:
    """Its image is missed, as on a disk that is not mounted: to go on with fewer would be a silent loss."""
    pairs(tmp_path)
    (tmp_path / "images" / "a1.png").unlink()
    (tmp_path / "images" / "a1.png").symlink_to(goal)
    with pytest.raises(DataError, match=r"images/a1\.png: is a link (to nowhere\.png|that leads back to itself)"):
        FolderDataModule(str(tmp_path), crop_size=16).setup()
