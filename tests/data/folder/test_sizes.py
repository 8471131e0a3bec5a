"""Crops where the config leaves them to the images."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.data import reading
from segexp.data.folder import FolderDataModule
from segexp.data.folder.crop_size import choose_crop_count, choose_crop_side
from segexp.spec import IGNORED
from tests.data.folder.parts import NAMES, blocks, pairs, photo
from tests.data.made import write


@pytest.mark.parametrize(
    ("sizes", "side"),
    [
        ([(584, 565)] * 20, 256),
        ([(101, 101)] * 9, 128),
        ([(2000, 3000), (3000, 2000)], 256),
        ([(120, 122), (98, 150), (130, 90)], 128),
        ([(32, 500)], 32),
        ([(33, 500)], 64),
    ],
)
def test_side(sizes: list[tuple[int, int]], side: int) -> None:
    assert choose_crop_side(sizes, grid=False) == side
    assert choose_crop_side(sizes, grid=True) == min(256, *(min(size) for size in sizes))


@pytest.mark.parametrize(
    ("sizes", "side", "count"),
    [
        ([(584, 565)] * 14, 256, 15),
        ([(584, 565)] * 100, 256, 5),
        ([(101, 101)] * 680, 128, 1),
        ([(2000, 3000)] * 400, 256, 16),
        ([(64, 64)] * 2, 64, 100),
        ([(500, 500)] * 300, None, 1),
    ],
)
def test_count(sizes: list[tuple[int, int]], side: int | None, count: int) -> None:
    assert choose_crop_count(sizes, side) == count


def test_images_of_all_sizes_train_without_a_key(tmp_path: Path) -> None:
    for seed, (name, height, width) in enumerate(
        zip(NAMES, (30, 300, 41, 64, 64, 70, 90), range(40, 180, 20), strict=True)
    ):
        write(tmp_path / "images" / f"{name}.png", photo(seed, height, width))
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255), height, width))
    data = FolderDataModule(str(tmp_path), loader={"batch_size": 8})
    batches = list(data.train_dataloader())
    assert data.crop_size in (64, 96)
    assert all(batch["image"].shape[1:] == (3, data.crop_size, data.crop_size) for batch in batches)
    assert sum(len(batch["image"]) for batch in batches) == data.samples_per_epoch >= 200
    assert all(set(np.unique(batch["target"])) <= {0, 1, IGNORED} for batch in batches)
    assert data.settled()["crop_size"] == data.crop_size
    assert [batch["image"].shape[0] for batch in data.test_dataloader()] == [1]
    ((height, width),) = {item.shape for item in data.items("test")}
    assert data.describe()["test"]["shape"] == [1, 3, height, width]


def test_run_json_tells_the_smallest_and_the_largest_side(tmp_path: Path) -> None:
    for number, (height, width) in enumerate([(30, 50), (40, 50), (35, 50)] * 10):
        write(tmp_path / "images" / f"{number}.png", photo(number, height, width))
        write(tmp_path / "masks" / f"{number}.png", blocks((0, 255), height, width))
    data = FolderDataModule(str(tmp_path), val_fraction=0.3, test_fraction=0.3)
    test = data.describe()["test"]
    assert test["shape"] == [len(test["names"]), 3, [30, 40], 50]


def test_windows_of_a_grid(tmp_path: Path) -> None:
    pairs(tmp_path)
    data = FolderDataModule(str(tmp_path), sampling="grid")
    data.setup()
    assert data.crop_size == 40


def test_large_photographs(tmp_path: Path) -> None:
    for name in NAMES[:3]:
        (tmp_path / "images").mkdir(exist_ok=True)
        Image.effect_noise((3000, 2000), 60).convert("RGB").save(tmp_path / "images" / f"{name}.jpg", quality=30)
        write(tmp_path / "masks" / f"{name}.png", blocks((0, 255), 2000, 3000))
    data = FolderDataModule(str(tmp_path), cache_limit=0.0, crops_total=4)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (4, 3, 256, 256)
    assert any("cache_limit=0 GiB holds 0 of 3 images" in note for note in data.notes)


def test_jobs_that_share_what_was_read_settle_their_own_crops(tmp_path: Path) -> None:
    pairs(tmp_path)
    key = reading.keep_data(FolderDataModule(str(tmp_path)))
    assert key is not None
    try:
        data = FolderDataModule(str(tmp_path), seed=7)
        assert reading.is_kept(data)
        data.setup()
        own = FolderDataModule(str(tmp_path), crop_size=16, sampling="grid")
        own.setup()
    finally:
        reading.forget_data(key)
    assert (data.crop_size, data.crops_per_image) == (64, 40)
    assert data.settled()["mask_values"] == {0: "background", 255: "foreground"}
    assert (own.crop_size, own.split) == (16, "holdout")
    assert [note for note in data.notes if note.startswith("to fix what was guessed")] == [data.notes[-1]]
