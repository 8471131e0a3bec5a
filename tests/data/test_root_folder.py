"""Which folder each data set expects, known from source alone."""

from pathlib import Path

import pytest
import yaml

from segexp.config.paths import conf_dir
from segexp.data.root_folder import check_block_root, check_root
from segexp.errors import DataError

BLOCKS = {path.stem: yaml.safe_load(path.read_text()) for path in sorted((conf_dir() / "datamodule").glob("*.yaml"))}
WITH_ROOT = sorted(name for name, block in BLOCKS.items() if "root" in block)


@pytest.mark.parametrize("name", WITH_ROOT)
def test_each_data_set_of_files_says_its_folder(name: str, tmp_path: Path) -> None:
    block = {**BLOCKS[name], "root": str(tmp_path / "gone"), "generate": False}
    with pytest.raises(DataError, match=rf"^datamodule\.root: no folder {tmp_path}/gone; give the folder ") as told:
        check_block_root(block)
    assert "{" not in str(told.value)
    check_block_root({**block, "root": str(tmp_path)})
    check_block_root({**block, "generate": True})


def test_there_are_such_data_sets() -> None:
    assert {"folder", "drive", "inria", "arrays", "mnist", "image_folder"} <= set(WITH_ROOT)


@pytest.mark.parametrize("root", ["", "a\0b", "a" * 5000, "~nobody_of_this_name/x", "${x}"])
def test_odd_paths_are_no_folders(root: str) -> None:
    if root == "":
        check_block_root({**BLOCKS["folder"], "root": root})  # the folder that the command runs in
        return
    with pytest.raises(DataError, match=r"^datamodule\.root: no folder "):
        check_block_root({**BLOCKS["folder"], "root": root})


def test_a_file_is_no_folder_and_a_class_of_ones_own_looks_itself(tmp_path: Path) -> None:
    (tmp_path / "a.zip").touch()
    with pytest.raises(DataError, match=r"a\.zip: is a file; give the folder that holds x$"):
        check_root(tmp_path / "a.zip", "that holds x")
    check_block_root({"_target_": "my_package.Mine", "root": "https://example.org/set"})
    check_block_root({})


def test_keys_that_a_block_leaves_to_the_class_refuse_nothing(tmp_path: Path) -> None:
    block = {"_target_": "segexp.data.datasets.arrays.ArraysDataModule", "root": str(tmp_path)}
    check_block_root(block)
    with pytest.raises(DataError, match=r"give the folder that holds datamodule\.images and seg\.npy"):
        check_block_root({**block, "root": str(tmp_path / "gone"), "masks": "seg.npy"})


OF_ONES_OWN = """
from lightning import LightningDataModule
from segexp.data.base import ImageDataModule
class Plain(LightningDataModule):
    root_folder: str = "cache"
class Own(ImageDataModule):
    root_folder = "with {0} and {things.x}"
"""


def test_an_attribute_of_that_name_means_it_in_a_data_set_of_segexp_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "of_ones_own_root.py").write_text(OF_ONES_OWN)
    monkeypatch.syspath_prepend(tmp_path)
    check_block_root({"_target_": "of_ones_own_root.Plain", "root": "made_later"})
    with pytest.raises(DataError, match=r"give the folder with datamodule\.0 and {things\.x}"):
        check_block_root({"_target_": "of_ones_own_root.Own", "root": "gone"})
