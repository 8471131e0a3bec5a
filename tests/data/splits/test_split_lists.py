"""Lists of images that data sets bring for their split."""

from pathlib import Path

import pytest

from segexp.data.folder import FolderDataModule
from segexp.data.splits.split_file import read_split
from segexp.data.splits.split_lists import find_lists, read_lists
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, names_of, pairs

STEMS = [f"2007_{number:06d}" for number in range(20)]


def lists(folder: Path, ending: str = ".txt", **parts: list[str]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for part, lines in parts.items():
        (folder / f"{part}{ending}").write_text("\n".join([*lines, ""]), encoding="utf-8")
    return folder


def test_three_lists_are_the_three_parts_and_others_are_used_nowhere(tmp_path: Path) -> None:
    found = read_lists(lists(tmp_path, train=STEMS[4:], val=STEMS[2:4], test=STEMS[1:2]), STEMS)
    assert found.split(0.5, 0) == {"train": STEMS[4:], "val": STEMS[2:4], "test": STEMS[1:2]}
    assert found.notes == [
        f"datamodule.split_file: {tmp_path}: 1 of 20 images stand in no list and are used nowhere: 2007_000000"
    ]


@pytest.mark.parametrize(("part", "more"), [("val", {}), ("valid", {"test": ["a", "b"]}), ("test", {})])
def test_of_two_lists_the_second_is_tested_and_a_share_of_the_rest_validates(
    tmp_path: Path, part: str, more: dict[str, list[str]]
) -> None:
    found = read_lists(lists(tmp_path, train=STEMS[5:], **{part: STEMS[:5]}, **more), STEMS)
    split = found.split(0.2, 7)
    assert (split["test"], len(split["val"]), len(split["train"])) == (STEMS[:5], 3, 12)
    assert sorted(split["val"] + split["train"]) == STEMS[5:]
    assert len(found.notes) == len(more)


@pytest.mark.parametrize(
    "line", ["{}", "{}.jpg", "JPEGImages/{}.jpg", "/SegNet/CamVid/{}.png /SegNet/CamVid/annot/{}.png", "{} 1", "{},3"]
)
def test_a_line_begins_with_path_name_or_stem(tmp_path: Path, line: str) -> None:
    lines = [line.replace("{}", stem) for stem in STEMS]
    found = read_lists(lists(tmp_path, ".lst", training=lines[:15], testing=lines[15:]), STEMS)
    assert found.parts == {"train": STEMS[:15], "test": STEMS[15:]}


def test_folders_tell_images_of_one_name_apart(tmp_path: Path) -> None:
    names = ["berlin/a", "berlin/b c", "bonn/a", "bonn/b c"]
    found = read_lists(
        lists(tmp_path, train=["x/bonn/a.png", "bonn/b c.png"], val=["berlin/a", "berlin/b c.png"]), names
    )
    assert found.parts == {"train": ["bonn/a", "bonn/b c"], "val": ["berlin/a", "berlin/b c"]}


@pytest.mark.parametrize(
    ("parts", "words"),
    [
        ({"train": STEMS}, r"of its lists there are: train\.txt; expected train\.txt beside val\.txt or test\.txt"),
        (
            {"train": [*STEMS[:9], "x" * 900], "val": STEMS[9:]},
            r"train\.txt names x{20,}…x+, which is not there; 20 images",
        ),
        ({"train": STEMS[:9], "val": []}, r"val\.txt is empty"),
        ({"train": STEMS[:9], "val": STEMS[8:]}, r"2007_000008 stands in train\.txt and in val\.txt"),
        ({"train": STEMS[:9], "val": STEMS[9:], "valid": []}, r"has val\.txt and valid\.txt; leave one of them there"),
    ],
)
def test_lists_that_do_not_fit(tmp_path: Path, parts: dict[str, list[str]], words: str) -> None:
    with pytest.raises(DataError, match=words) as told:
        read_lists(lists(tmp_path, **parts), STEMS)
    assert len(str(told.value)) < 500


def test_lists_that_are_not_used_are_said_with_the_word_that_takes_them(tmp_path: Path) -> None:
    root = tmp_path / "my VOC"
    pairs(root)
    folder = lists(root / "ImageSets" / "Segmentation", train=NAMES[:4], val=NAMES[4:])
    lists(root / "ImageSets" / "Main", train=["dog_1"], val=["dog_2"])
    lists(root / "other", train=NAMES)
    assert find_lists(root, NAMES) == [folder]
    data = FolderDataModule(str(root))
    data.setup()
    (note,) = [note for note in data.notes if "lists of a split" in note]
    assert note.endswith(f"(train.txt, val.txt): not used; to take their parts add 'datamodule.split_file={folder}'")
    taken = FolderDataModule(str(root), split_file=str(folder))
    taken.setup()
    assert names_of(taken)["test"] == list(NAMES[4:])
    assert sorted(names_of(taken)["train"] + names_of(taken)["val"]) == list(NAMES[:4])
    assert not [note for note in taken.notes if "lists of a split" in note]
    assert taken.describe()["split"] == {"lists": str(folder), "parts": ["train", "val"]}


def test_data_that_are_cut_from_larger_images_take_no_lists(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^datamodule\.split_file: {tmp_path} is a folder, expected a split\.json$"):
        read_split(lists(tmp_path, train=STEMS), STEMS, [])
