"""What data sets of files share: all bad files named at once, skipping, caches, given splits."""

import errno
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.checks.survey import cache_folder
from segexp.data.files import FilesDataModule, Listing, Pair
from segexp.data.items.item import Item
from segexp.data.items.stored import FileMask, StoredItem, WindowItem
from segexp.data.labels.label_map import LabelMap
from segexp.data.splits.rules import PHASES
from segexp.errors import DataError, ResourceError
from segexp.rasters import open_raster
from tests.data.made import read, write
from tests.rasters.bombs import BOMBS

CLASSES = (("ground", "thing"), ((0, 0, 0), (255, 255, 255)))


class Folder(FilesDataModule):
    """Images a/*.png and masks b/*.png of 0 and 255."""

    def __init__(self, root: Path, **keys: Any) -> None:
        super().__init__(**keys)
        self.root = root

    def classes(self) -> tuple[tuple[str, ...], tuple[tuple[int, int, int], ...]]:
        return CLASSES

    def listing(self) -> Listing:
        files = sorted((self.root / "a").glob("*.png"))
        return Listing([Pair(path.stem, path, self.root / "b" / path.name) for path in files])

    def open(self, pair: Pair) -> Item:
        labels = LabelMap({0: 0, 255: 1}, 2)
        return StoredItem(pair.name, open_raster(pair.image), FileMask(open_raster(pair.mask, raw=True), labels))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(10):
        write(tmp_path / "a" / f"{number}.png", rng.integers(0, 256, (24, 30, 3), dtype=np.uint8))
        write(tmp_path / "b" / f"{number}.png", rng.choice(np.array([0, 255], np.uint8), (24, 30)))
    return tmp_path


@pytest.mark.parametrize("cache", ["none", "ram", "disk"])
def test_caches_change_nothing(root: Path, cache: str) -> None:
    data = Folder(root, cache=cache, crop_size=16, crops_per_image=3)
    data.setup()
    for phase in PHASES:
        for item in data.items(phase):
            assert np.array_equal(item.image, read(root / "a" / f"{item.name}.png"))
            assert np.array_equal(item.target * np.uint8(255), read(root / "b" / f"{item.name}.png"))
            image, mask = item.window(3, 5, 7, 11)
            assert np.array_equal(image, item.image[3:10, 5:16])
            assert np.array_equal(mask, item.target[3:10, 5:16])
    kept = [type(item).__name__ for item in data.items("train")]
    assert set(kept) == {"Item" if cache == "ram" else "StoredItem"}
    decoded = list((cache_folder() / "decoded").glob("*/mask.npy"))
    assert len(decoded) == (10 if cache == "disk" else 0)
    plain = Folder(root, cache="none", crop_size=16, crops_per_image=3)
    for one, other in zip(data.train_dataloader(), plain.train_dataloader(), strict=True):
        assert np.array_equal(one["image"], other["image"])
        assert np.array_equal(one["target"], other["target"])


def test_the_limit_of_the_cache_is_said(root: Path) -> None:
    size = 24 * 30 * 4
    data = Folder(root, cache="ram", cache_limit=3.5 * size / 2**30)
    data.setup()
    assert sum(type(item) is Item for phase in PHASES for item in data.items(phase)) == 3
    assert any("holds 3 of 10 images" in note for note in data.notes)


def test_looked_at_once(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Folder(root, cache="none")
    first.setup()
    monkeypatch.setattr("segexp.data.files.survey_image", lambda *_: pytest.fail("looked again"))
    again = Folder(root, cache="none")
    assert again.spec == first.spec
    write(root / "b" / "3.png", np.zeros((24, 30), np.uint8))
    with pytest.raises(pytest.fail.Exception, match="looked again"):
        Folder(root, cache="none").setup()


def spoil(root: Path) -> None:
    (root / "a" / "2.png").write_bytes((root / "a" / "2.png").read_bytes()[:200])
    (root / "b" / "5.png").unlink()
    write(root / "b" / "7.png", np.full((24, 30), 9, np.uint8))


@pytest.mark.parametrize("cache", ["none", "ram", "disk"])
def test_every_bad_file_is_named(root: Path, cache: str) -> None:
    spoil(root)
    with pytest.raises(DataError) as caught:
        Folder(root, cache=cache).setup()
    lines = str(caught.value).splitlines()
    assert any("5.png" in line for line in lines)


@pytest.mark.parametrize("cache", ["none", "ram", "disk"])
def test_bad_files_are_left_out_and_said(root: Path, cache: str) -> None:
    spoil(root)
    data = Folder(root, cache=cache, on_bad="skip", val_fraction=0.4)
    data.setup()
    assert sum(len(data.items(phase)) for phase in PHASES) == 7
    skipped = data.describe()["skipped"]
    assert sorted(entry["image"] for entry in skipped) == ["2", "5", "7"]
    assert all(f"{entry['image']}.png" in entry["reason"] for entry in skipped)
    assert len([note for note in data.notes if note.startswith("left out: ")]) == 3


def test_split_file(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["0", "4"], "val": ["1"], "test": ["9", "8"]}))
    data = Folder(root, split_file=str(path))
    assert [[item.name for item in data.items(phase)] for phase in PHASES] == [["0", "4"], ["1"], ["9", "8"]]
    assert data.describe()["split"] == {"file": str(path)}
    (note,) = [note for note in data.notes if "used nowhere" in note]
    assert note == f"datamodule.split_file: {path} names 5 of 10 images; used nowhere: 2, 3, 5, 6, 7"
    path.write_text(json.dumps({"train": ["0", "4"], "val": ["11"], "test": ["9", "0"]}))
    with pytest.raises(DataError, match=r"names 11, which is not there") as caught:
        Folder(root, split_file=str(path)).setup()
    assert "names 0 twice, under train and test" in str(caught.value)
    path.write_text('{"train": ["0"]}')
    with pytest.raises(DataError, match='no list of image names under "val"'):
        Folder(root, split_file=str(path)).setup()


def test_part_of_an_item(root: Path) -> None:
    pair = Folder(root).listing().pairs[0]
    whole = Folder(root).open(pair)
    part = WindowItem(whole, 4, 6, 10, 12)
    assert (part.name, part.shape, part.channels) == ("0_4_6", (10, 12), 3)
    assert np.array_equal(part.image, whole.image[4:14, 6:18])
    assert np.array_equal(part.decoded().target, whole.target[4:14, 6:18])
    assert np.array_equal(part.window(1, 2, 3, 4)[0], whole.image[5:8, 8:12])
    assert np.array_equal(part.class_window(1, 2, 3, 4), whole.target[5:8, 8:12])


def test_a_small_mask_with_many_pixels(root: Path) -> None:
    """Refused with the key that allows it, or left out where that is asked for."""
    BOMBS["run_lengths.bmp"](root / "b" / "3.png")
    with pytest.raises(
        DataError, match=r"b/3\.png: decoding .* found datamodule\.image_limit=0\.5 .* give data.*limit=1"
    ):
        Folder(root, crop_size=16).setup()
    data = Folder(root, crop_size=16, on_bad="skip")
    data.setup()
    assert [skipped["image"] for skipped in data.skipped] == ["3"]
    with pytest.raises(DataError, match=r"found datamodule\.image_limit=1e-05 .*; if the image is meant"):
        Folder(root, crop_size=16, image_limit=1e-5).setup()


def test_no_image_is_left_out_because_the_machine_refused(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Path.open

    def refuse(self: Path, *arguments: Any, **keys: Any) -> Any:
        if self.name == "3.png":
            raise OSError(errno.EMFILE, "Too many open files", str(self))
        return first(self, *arguments, **keys)

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResourceError, match=r"3\.png: too many open files in this process; allow more"):
        Folder(root, crop_size=16, on_bad="skip").setup()
