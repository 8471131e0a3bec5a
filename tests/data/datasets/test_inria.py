"""Inria: layouts, splits by tile and by patch, windows."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.data.datasets.inria import InriaDataModule, find_tiles
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError, DataError
from tests.data.made import read, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eighteen labelled tiles of 64 pixels and six without labels, in the contest's folders."""
    # A folder with a number in its name: it must not be taken for that of a tile.
    folder = tmp_path_factory.mktemp("data1") / "chicago7"
    generate("buildings", "inria", folder, count=24, size=64, seed=0)
    return folder


def module(root: Path, **more: Any) -> InriaDataModule:
    return InriaDataModule(str(root), **{"crop_size": 32, **more})


def names(data: InriaDataModule) -> dict[str, set[str]]:
    return {phase: {item.name for item in data.items(phase)} for phase in PHASES}


def number(name: str) -> int:
    return int(name.split("_", maxsplit=1)[0].lstrip("abcdefghijklmnopqrstuvwxyz-"))


@pytest.mark.parametrize("below", ["", "AerialImageDataset", "AerialImageDataset/train"])
def test_any_folder_of_the_layout_is_a_root(root: Path, below: str) -> None:
    found = find_tiles(root / below)
    assert found.problems == []
    assert Counter(pair.group for pair in found.pairs) == {
        "austin": 4, "chicago": 4, "kitsap": 4, "tyrol-w": 3, "vienna": 3,
    }  # fmt: skip
    assert [number(pair.name) for pair in found.pairs if pair.group == "chicago"] == [1, 2, 6, 7]
    assert found.notes == [f"{root}/AerialImageDataset/test/images: 6 images without published labels, not used"]


def test_official_split_tests_tiles_1_to_5_and_validates_on_others(root: Path) -> None:
    data = module(root, split="official", val_fraction=0.2)
    found = names(data)
    assert sum(map(len, found.values())) == 18
    assert found["test"] == {name for part in found.values() for name in part if number(name) <= 5}
    assert len(found["test"]) == 9
    assert len(found["val"]) == 2
    assert found["train"].isdisjoint(found["val"])


@pytest.mark.parametrize("split", ["holdout", "kfold"])
def test_every_part_has_its_share_of_each_city(root: Path, split: Any) -> None:
    data = module(root, split=split, test_fraction=0.34, folds=3, fold=1)
    assert {item.group for item in data.items("test")} == {"austin", "chicago", "kitsap", "tyrol-w", "vienna"}
    assert len(data.items("test")) == 6


def test_cities_and_figures_by_city(root: Path) -> None:
    data = module(root, cities=["chicago", "tyrol-w"], split="holdout", test_fraction=0.3)
    everything = [item for phase in PHASES for item in data.items(phase)]
    assert len(everything) == 7
    assert {item.group for item in everything} == {"chicago", "tyrol-w"}
    assert all(item.name.startswith(str(item.group)) for item in everything)
    with pytest.raises(DataError, match=r"datamodule\.cities: no image of 'chicagoo' in .*; there are austin, chicago"):
        module(root, cities=["chicagoo"]).setup()


def test_pixels_masks_and_ground(root: Path) -> None:
    data = module(root, split="holdout")
    item = next(item for phase in PHASES for item in data.items(phase) if item.name == "chicago6")
    image = read(root / "AerialImageDataset/train/images/chicago6.tif")
    gt = read(root / "AerialImageDataset/train/gt/chicago6.tif")
    assert np.array_equal(item.image, image)
    assert np.array_equal(item.target, gt // 255)
    assert item.in_memory, "uncompressed strips are mapped"
    window = item.window(10, 20, 30, 40)
    assert np.array_equal(window[0], image[10:40, 20:60])
    assert np.array_equal(window[1], gt[10:40, 20:60] // 255)
    assert data.spec.pixel_size == pytest.approx(0.3)
    assert data.classes()[0] == ("background", "building")


def test_patches_are_dealt_out_over_all_parts(root: Path) -> None:
    data = module(
        root, split="patches", patch_size=16, crop_size=16, sampling="grid", test_fraction=0.1, val_fraction=0.1
    )
    assert {phase: len(data.items(phase)) for phase in PHASES} == {"train": 233, "val": 26, "test": 29}
    assert data.samples_per_epoch == 233
    found = names(data)
    assert len(set.union(*found.values())) == 18 * 16
    assert {name.split("_")[0] for name in found["train"]} & {name.split("_")[0] for name in found["test"]}
    assert any("patches of one tile" in note and "optimistic" in note for note in data.notes)
    assert data.describe()["split"] == {"rule": "patches", "seed": 0, "patch_size": 16}
    patch = data.items("test")[0]
    tile, top, left = patch.name.rsplit("_", 2)
    whole = read(root / f"AerialImageDataset/train/images/{tile}.tif")
    assert np.array_equal(patch.image, whole[int(top) : int(top) + 16, int(left) : int(left) + 16])
    assert patch.group == tile.rstrip("0123456789")


def test_shares_of_the_laboratory() -> None:
    """36 tiles of 400 patches each: by the same rule, on names alone."""
    from segexp.data.splits.rules import holdout

    split = holdout([f"chicago{tile}_{patch}" for tile in range(1, 37) for patch in range(400)], 0.1, 0.1, 0)
    assert {phase: len(split[phase]) for phase in PHASES} == {"train": 11664, "val": 1296, "test": 1440}


def test_grid_over_whole_tiles(root: Path) -> None:
    data = module(root, split="official", sampling="grid", crop_size=16)
    assert data.samples_per_epoch == 16 * len(data.items("train"))


def test_patches_that_do_not_fit(root: Path) -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.patch_size: found 65, but austin1 has 64x64 pixels"):
        module(root, split="patches", patch_size=65).setup()
    data = module(root, split="patches", patch_size=30, crop_size=30)
    assert sum(len(data.items(phase)) for phase in PHASES) == 18 * 4
    # 60x60 of 64x64.
    assert "12.1% of the pixels, at the right and lower borders, are in no patch" in data.notes


def crops(folder: Path, mode: str) -> Path:
    """Three crops of each of six tiles; the masks are RGB or grey PNGs."""
    rng = np.random.default_rng(0)
    for tile in ("austin2", "austin7", "chicago6", "kitsap8", "tyrol-w2", "vienna30"):
        for crop in ("_1", "_01179_258_289", "_b.2"):
            image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            mask = np.where(image[..., 0] > 127, 255, 0).astype(np.uint8)
            write(folder / f"images/{tile}{crop}.png", image)
            write(folder / f"gt/{tile}{crop}.png", np.repeat(mask[..., None], 3, axis=2) if mode == "RGB" else mask)
    return folder


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_folder_of_crops_keeps_those_of_a_tile_together(tmp_path: Path, mode: str) -> None:
    root = crops(tmp_path / "c", mode)
    for fold in range(3):
        data = module(root, split="kfold", folds=3, fold=fold)
        tiles = {phase: {name.split("_")[0] for name in part} for phase, part in names(data).items()}
        assert {phase: len(part) for phase, part in tiles.items()} == {"train": 3, "val": 1, "test": 2}
        assert len(set.union(*tiles.values())) == 6
    item = data.items("test")[0]
    assert np.array_equal(item.target, item.image[..., 0] > 127)
    assert data.notes == []
    with Image.open(root / f"gt/{item.name}.png") as stored:
        assert stored.mode == mode


def test_tiles_1_to_5_alone_cannot_be_split_officially(tmp_path: Path) -> None:
    root = crops(tmp_path / "c", "L")
    with pytest.raises(DataError, match=r"9 images leave none for train; .*: 3 of them are of other .*holdout"):
        module(root, cities=["austin", "tyrol-w"]).setup()
    assert len(module(root).items("test")) == 6
