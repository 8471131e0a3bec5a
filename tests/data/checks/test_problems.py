"""All problems of a data set in one error, grouped; copies of images; classes that are absent."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from segexp.data.checks.duplicates import find_copies
from segexp.data.checks.problems import MOST, Problem, list_lines, refuse
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError, DataError, LabelError
from tests.data.made import read, write
from tests.data.test_files import Folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for number in range(10):
        write(tmp_path / "a" / f"{number}.png", rng.integers(0, 256, (24, 30, 3), dtype=np.uint8))
        write(tmp_path / "b" / f"{number}.png", rng.choice(np.array([0, 255], np.uint8), (24, 30)))
    return tmp_path


def said(data: Folder) -> list[str]:
    with pytest.raises((DataError, ConfigError)) as caught:
        data.setup()
    return str(caught.value).splitlines()


def given(root: Path, **parts: list[str]) -> str:
    (root / "split.json").write_text(json.dumps({"train": ["0", "1"], "val": ["2"], "test": ["3"], **parts}))
    return str(root / "split.json")


def test_one_error_tells_of_headers_split_sizes_and_masks(root: Path) -> None:
    (root / "a" / "1.png").write_bytes(b"")
    write(root / "b" / "2.png", np.zeros((24, 31), np.uint8))
    write(root / "a" / "3.png", np.zeros((24, 30), np.uint8))
    write(root / "b" / "4.png", np.full((24, 30), 7, np.uint8))
    told = said(Folder(root, split="kfold", folds=5, fold=7, crop_size=16))
    assert len(told) == 5
    for number, (name, words) in enumerate([
        ("datamodule.fold", "found 7, expected 0..4"),
        ("a/1.png", "it is empty"),
        ("b/2.png", "24x31 pixels, but its image"),
        ("a/3.png", "1 channels of uint8, but 7 of 8 images have 3 of uint8"),
        ("b/4.png", "mask values 7 fit no class"),
    ]):  # fmt: skip
        assert name in told[number], told
        assert words in told[number], told


def test_bad_masks_are_all_named_whatever_the_cache(root: Path) -> None:
    for number in range(3):
        write(root / "b" / f"{number}.png", np.full((24, 30), 7 + number, np.uint8))
    for cache in ("none", "ram", "disk"):
        told = said(Folder(root, cache=cache))
        assert [line.split(":")[0].rsplit("/")[-1] for line in told[:3]] == ["0.png", "1.png", "2.png"]
        assert told[3] == (
            "  for all of these masks, if the values are meant: datamodule.mask_values='{0:0,7:1,8:1,9:1,255:1}'"
        )


def test_a_mask_of_another_size_is_left_out_by_the_line_of_the_message(root: Path) -> None:
    write(root / "b" / "4.png", np.zeros((24, 31), np.uint8))
    (told,) = said(Folder(root))
    key, value = told.split("leave both out: datamodule.")[1].split("=")
    data = Folder(root, **{key: value})
    data.setup()
    assert "4" not in {item.name for phase in ("train", "val", "test") for item in data.items(phase)}
    (left_out,) = [note for note in data.notes if note.startswith("left out: ")]
    assert "24x31 pixels, but its image" in left_out
    assert "on_bad" not in left_out


def test_many_of_a_kind_are_cut_short() -> None:
    told = list_lines([Problem("sizes", f"{number}.png: small") for number in range(MOST + 7)])
    assert len(told) == MOST + 1
    assert told[-1].startswith("  ... and 7 more of this kind (sizes)")
    assert len(list_lines([Problem("sizes", f"{number}.png: small") for number in range(50)], most=None)) == 50
    refuse([Problem("sizes", "small", fatal=False)])


def test_the_only_class_of_errors_is_kept() -> None:
    problems = [Problem("labels", "a", error=LabelError("a")), Problem("labels", "b", error=LabelError("b"))]
    with pytest.raises(LabelError):
        refuse(problems)
    with pytest.raises(DataError) as caught:
        refuse([*problems, Problem("split", "c", error=ConfigError("c"))])
    assert type(caught.value) is DataError


def test_copies_are_found_by_content_and_blank_images_are_none(root: Path) -> None:
    shutil.copy(root / "a" / "4.png", root / "a" / "7.png")
    for number in (1, 2):
        write(root / "a" / f"{number}.png", np.zeros((24, 30, 3), np.uint8))
    (root / "a" / "8.png").write_bytes(b"")
    (root / "a" / "9.png").write_bytes(b"")
    # Same size, same start and end, one byte in between.
    content = bytearray(np.random.default_rng(1).integers(0, 256, 200_000, dtype=np.uint8).tobytes())
    header = b"P6\n200 200\n255\n"
    (root / "a" / "0.png").write_bytes(header + content[:120_000])
    content[30_000] ^= 1
    (root / "a" / "3.png").write_bytes(header + content[:120_000])
    groups = find_copies(Folder(root).listing().pairs)
    assert [[pair.name for pair in group] for group in groups] == [["4", "7"]]


@pytest.mark.parametrize("split", ["holdout", "kfold"])
def test_a_random_split_keeps_copies_together(root: Path, split: str) -> None:
    for number in (6, 7, 8):
        shutil.copy(root / "a" / "0.png", root / "a" / f"{number}.png")
    for seed in range(6):
        data = Folder(root, split=split, split_seed=seed, folds=3, loader={"batch_size": 1})
        data.setup()
        parts = [{item.name for item in data.items(phase)} for phase in PHASES]
        assert sum(bool({"0", "6", "7", "8"} & part) for part in parts) == 1
        assert any("copies of an image are kept in one part of the split: 0, 6, 7, 8" in note for note in data.notes)


def test_copies_in_two_given_parts_are_refused_or_left_out(root: Path) -> None:
    shutil.copy(root / "a" / "1.png", root / "a" / "3.png")
    (line,) = said(Folder(root, split_file=given(root)))
    assert f"{root}/a/1.png (train) and {root}/a/3.png (test) are the same image, byte for byte" in line
    data = Folder(root, split_file=given(root), on_bad="skip")
    data.setup()
    assert [item.name for item in data.items("train")] == ["0"]
    assert [item.name for item in data.items("test")] == ["3"]
    assert data.skipped[0]["image"] == "1"


def test_a_class_that_training_never_shows(root: Path) -> None:
    for number in range(2):
        write(root / "b" / f"{number}.png", np.zeros((24, 30), np.uint8))
    (line,) = said(Folder(root, split_file=given(root)))
    assert line.startswith("thing: no pixel in any of the 2 training images")
    Folder(root, split_file=given(root, train=["0", "1", "4"])).setup()


def test_settings_that_do_not_fit_are_all_named(root: Path) -> None:
    write(root / "a" / "0.png", read(root / "a" / "0.png")[:20])
    write(root / "b" / "0.png", read(root / "b" / "0.png")[:20])
    told = said(Folder(root, split_file=given(root), crop_size=22, positive_classes=["thign"]))
    assert told[0].startswith("datamodule.crop_size: found 22, but 0 has 20x30 pixels; use at most 20")
    assert told[1].startswith("datamodule.positive_classes: no class 'thign'")
