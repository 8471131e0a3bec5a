"""White blood cells on generated files: classes, types, splits, stray values, faults."""

import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.cells import CellsDataModule
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError, DataError
from tests.data.made import read, write

IMAGE, MASK, TABLE = "Dataset 1/004.bmp", "Dataset 1/004.png", "Class Labels of Dataset 1.csv"


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve images in Dataset 1, four in Dataset 2."""
    folder = tmp_path_factory.mktemp("data") / "cells"
    generate("cells", "cells", folder, count=16, size=48, seed=0)
    return folder


@pytest.fixture
def root(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "cells"))


def make(root: Path, **keys: object) -> CellsDataModule:
    data = CellsDataModule(str(root), crop_size=48, pad_to_crop=True, **keys)  # type: ignore[arg-type]
    data.setup()
    return data


def names(data: CellsDataModule) -> dict[str, set[str]]:
    return {phase: {item.name for item in data.items(phase)} for phase in PHASES}


def table(root: Path, lines: list[str]) -> None:
    (root / TABLE).write_bytes(("\r\n".join(["image ID,class label", *lines]) + "\r\n").encode())


def paint(root: Path, name: str, values: dict[int, int]) -> None:
    """Sets the first pixels of a mask: so many of each value."""
    mask = read(root / name)
    flat = mask.reshape(-1)
    flat[: sum(values.values())] = np.repeat(list(values), list(values.values()))
    write(root / name, mask)


def test_classes_and_pixels(intact: Path) -> None:
    data = make(intact)
    assert data.spec.classes == ("background", "cytoplasm", "nucleus")
    assert data.spec.out_channels == 3
    for item in (item for phase in PHASES for item in data.items(phase)):
        stem = item.name.removeprefix("set1_")
        assert np.array_equal(item.image, read(intact / f"Dataset 1/{stem}.bmp"))
        grey = read(intact / f"Dataset 1/{stem}.png")
        assert np.array_equal(np.array([0, 128, 255])[item.target], grey)


def test_names_are_unique_over_both_sets(intact: Path) -> None:
    data = make(intact, dataset="both")
    every = set.union(*names(data).values())
    assert every == {f"set1_{n:03d}" for n in range(1, 13)} | {f"set2_{n:03d}" for n in range(1, 5)}
    assert data.describe()["dataset"] == "both"


@pytest.mark.parametrize(("train", "test"), [(1, 2), (2, 1)])
def test_across_tests_the_other_set(intact: Path, train: int, test: int) -> None:
    data = make(intact, dataset=train, split="across")
    found = names(data)
    assert all(name.startswith(f"set{train}_") for name in found["train"] | found["val"])
    assert len(found["test"]) == {1: 12, 2: 4}[test]
    assert all(name.startswith(f"set{test}_") for name in found["test"])
    assert data.describe()["split"] == {"rule": "across", "seed": 0}


def test_across_needs_one_set_to_train_on(intact: Path) -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.split: across .* datamodule\.dataset=1 or 2"):
        CellsDataModule(str(intact), dataset="both", split="across")


def test_types_are_groups_and_spread_over_the_parts(root: Path) -> None:
    table(root, [f"{n},{1 if n <= 6 else 2}" for n in range(1, 13)])
    for seed in range(5):
        data = make(root, test_fraction=0.34, val_fraction=0.5, split_seed=seed)
        groups = {phase: Counter(item.group for item in data.items(phase)) for phase in PHASES}
        assert all(found == {"neutrophil": 2, "lymphocyte": 2} for found in groups.values())
    tested = [names(make(root, split="kfold", folds=3, fold=fold))["test"] for fold in range(3)]
    assert set.union(*tested) == {f"set1_{n:03d}" for n in range(1, 13)}
    assert [sum(int(name[-3:]) <= 6 for name in fold) for fold in tested] == [2, 2, 2]


def test_gaps_in_the_numbers_are_said_and_do_no_harm(root: Path) -> None:
    for end in ("bmp", "png"):
        (root / f"Dataset 1/003.{end}").unlink()
        (root / f"Dataset 1/007.{end}").unlink()
    (root / "Dataset 1/Thumbs.db").write_bytes(b"x")
    (root / "Dataset 1/notes.txt").write_text("mine")
    data = make(root)
    assert sum(len(found) for found in names(data).values()) == 10
    assert f"{root / TABLE}: 2 of 12 rows are of images that are not there" in data.notes
    assert f"{root}/Dataset 1/notes.txt: not used, its name does not fit the layout of segmentation_WBC" in data.notes
    assert not any("Thumbs" in note for note in data.notes)


@pytest.mark.parametrize("cache", ["none", "ram", "disk"])
def test_stray_values_are_mapped_on_request_and_reported(root: Path, cache: str) -> None:
    paint(root, MASK, {60: 3, 70: 2, 63: 1, 64: 1, 192: 5})
    paint(root, "Dataset 1/002.png", {254: 7})
    with pytest.raises(
        DataError, match=r"datamodule\.unknown_values=nearest: each becomes the nearest of 0, 128 and 255"
    ):
        make(root)
    for _ in range(2):  # also when everything is known from the caches
        data = make(root, unknown_values="nearest", cache=cache)
        assert [note for note in data.notes if "nearest" in note] == [
            f"{root}/Dataset 1/002.png: 7 pixels of 254 set to the nearest legal value",
            f"{root / MASK}: 12 pixels of 60, 63, 64, 70, 192 set to the nearest legal value",
        ]
    mask = next(item.target for phase in PHASES for item in data.items(phase) if item.name == "set1_004")
    # 64 is as near to 0 as to 128, and goes to the lower.
    assert mask.reshape(-1)[:12].tolist() == [0, 0, 0, 1, 1, 0, 0, 2, 2, 2, 2, 2]


def test_masks_without_stray_values_give_no_note(intact: Path) -> None:
    assert make(intact, unknown_values="nearest").notes == make(intact).notes


def remove(name: str) -> Callable[[Path], object]:
    return lambda root: (root / name).unlink()


def rows(*lines: str) -> Callable[[Path], object]:
    return lambda root: table(root, [f"{n},1" for n in range(1, 13) if n != 4] + list(lines))


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no root": (shutil.rmtree, r"datamodule\.root: no folder {root}; give the folder that holds Dataset 1, Dataset 2"),
    "no set": (
        lambda root: shutil.rmtree(root / "Dataset 1"),
        r"{root}/Dataset 1: no such folder \(datamodule\.root={root} holds Class .*, Dataset 2\)",
    ),
    "no images": (
        lambda root: [path.unlink() for path in (root / "Dataset 1").glob("*.bmp")],
        r"{root}/Dataset 1: no image named NNN\.bmp",
    ),
    "no mask": (remove(MASK), rf"{{root}}/{IMAGE}: its mask is missing, expected {{root}}/{MASK}$"),
    "no image": (remove(IMAGE), rf"{{root}}/{MASK}: belongs to no image$"),
    "no table": (remove(TABLE), rf"{{root}}/{TABLE}: no such file; it gives the type of each cell"),
    "table of another kind": (
        lambda root: (root / TABLE).write_bytes(b"\xff\xfe\x00\x01"),
        rf"{{root}}/{TABLE}: cannot be read as a table",
    ),
    "no type": (rows(), rf"{{root}}/{IMAGE}: no row for image 4 in {{root}}/{TABLE}"),
    "type out of range": (rows("4,6"), rf"{{root}}/{TABLE}, line 13: found type 6, expected 1 to 5 \(neutrophil, "),
    "no number": (rows("four,1"), rf"{{root}}/{TABLE}, line 13: found four,1, expected an image number and a type"),
    "half a row": (rows("4"), rf"{{root}}/{TABLE}, line 13: found 4, expected an image number and a type"),
    "two types": (rows("4,1", "4,2"), rf"{{root}}/{TABLE}, line 14: image 4 is there twice, as type 1 and 2"),
    "mask of another size": (
        lambda root: write(root / MASK, read(root / MASK)[:-8]),
        rf"{{root}}/{MASK}: \d+x\d+ pixels, but its image {{root}}/{IMAGE} has \d+x\d+",
    ),
    "truncated image": (
        lambda root: (root / IMAGE).write_bytes((root / IMAGE).read_bytes()[:900]),
        rf"{{root}}/{IMAGE}: cannot be read as an image \(900 bytes; ",
    ),
    "no image at all": (
        lambda root: (root / MASK).write_bytes(b"<html>404</html>"),
        rf"{{root}}/{MASK}: cannot be read as an image",
    ),
    "a value of no class": (
        lambda root: paint(root, MASK, {127: 1}),
        rf"{{root}}/{MASK}: mask values 127 fit no class \(legal: 0, 128, 255\); copy it again from its source, or set",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_the_file_and_what_to_do(root: Path, fault: str) -> None:
    change, pattern = FAULTS[fault]
    change(root)
    with pytest.raises(DataError) as caught:
        make(root)
    assert re.search("^" + pattern.format(root=re.escape(str(root))), str(caught.value), re.MULTILINE), caught.value
    assert caught.value.exit_code == 2


def test_blank_lines_and_a_byte_order_mark_in_the_table_do_no_harm(root: Path) -> None:
    lines = [f"{n}, 3" for n in range(1, 13)]
    (root / TABLE).write_bytes(b"\xef\xbb\xbf" + "\n".join(["image ID,class", *lines, "", ","]).encode())
    data = make(root)
    assert {item.group for phase in PHASES for item in data.items(phase)} == {"monocyte"}


def test_check_says_what_was_mapped_too(root: Path) -> None:
    paint(root, MASK, {60: 3})
    found = CellsDataModule(str(root), crop_size=48, pad_to_crop=True, unknown_values="nearest").find()
    assert f"{root / MASK}: 3 pixels of 60 set to the nearest legal value" in found.notes
