"""Pairs by given patterns: what is missing or left over, names, units, groups, parts, tables, splits."""

import json
from pathlib import Path
from typing import Any

import pytest

from segexp.data.folder import FolderDataModule
from segexp.data.folder.pairing import unique_names
from segexp.data.splits.rules import PHASES
from segexp.errors import ConfigError, DataError
from tests.data.folder.parts import NAMES, blocks, everything, names_of, pairs, photo
from tests.data.made import write

GIVEN: dict[str, Any] = {"images": "images/*.png", "masks": "masks/{stem}.png", "mask_values": {0: "a", 255: "b"}}


def given(root: Path, **keys: Any) -> FolderDataModule:
    return FolderDataModule(str(root), **{**GIVEN, **keys})


def units(data: FolderDataModule) -> dict[str, str | None]:
    return {pair.name: pair.split_by for pair in data.listing().pairs}


def test_patterns_that_are_given_need_no_guess(tmp_path: Path) -> None:
    # Names that no guess would pair.
    pairs(tmp_path, "x/{}.png", "y/Z{}Z.png")
    data = given(tmp_path, images="x/{name}.png", masks="y/Z{name}Z.png", channels="all", split="holdout")
    assert sorted(everything(data)) == list(NAMES)
    assert set(data.settled()) == {"crop_size", "crops_per_image"}
    assert not any("guessed" in note for note in data.notes)


def test_all_that_is_missing_or_left_over_is_named(tmp_path: Path) -> None:
    pairs(tmp_path)
    (tmp_path / "masks" / "b2.png").unlink()
    (tmp_path / "images" / "e5.png").unlink()
    with pytest.raises(DataError) as caught:
        given(tmp_path).setup()
    assert str(caught.value).splitlines() == [
        "images/b2.png: its mask is missing, expected masks/b2.png",
        "masks/e5.png: belongs to no image",
        "datamodule.unpaired=skip leaves out what has no partner",
    ]
    with pytest.raises(DataError) as without:
        given(tmp_path, masks="gone/{stem}.png").setup()
    assert "unpaired=skip" not in str(without.value)
    assert str(without.value).splitlines()[-1].startswith("no image has its mask: check datamodule.masks; a trained")
    # What to do is no third problem.
    assert len(given(tmp_path).find().problems) == 2
    data = given(tmp_path, unpaired="skip")
    assert sorted(everything(data)) == ["a1", "c3", "d4", "f6", "g7"]
    assert (
        "left out, as datamodule.unpaired=skip: images/b2.png: its mask is missing, expected masks/b2.png" in data.notes
    )
    assert "left out, as datamodule.unpaired=skip: masks/e5.png: belongs to no image" in data.notes


def test_of_many_missing_files_the_first_are_named(tmp_path: Path) -> None:
    pairs(tmp_path, names=[f"{number:02d}" for number in range(20)])
    for number in range(1, 14):
        (tmp_path / "masks" / f"{number:02d}.png").unlink()
    with pytest.raises(DataError) as caught:
        given(tmp_path).setup()
    lines = str(caught.value).splitlines()
    assert len(lines) == 12
    assert lines[10] == "and 3 more such files"


def test_a_pattern_that_fits_nothing_says_what_there_is(tmp_path: Path) -> None:
    pairs(tmp_path)
    with pytest.raises(
        DataError, match=r"no file fits 'images/\*\.tif' below .*which holds images \(7 png\), masks \(7 p"
    ):
        given(tmp_path, images="images/*.tif").setup()
    with pytest.raises(DataError, match=r"no file fits 'imgs/\*\.png' below"):
        given(tmp_path, images="imgs/*.png").setup()


def test_two_masks_of_an_image_and_two_images_of_a_mask(tmp_path: Path) -> None:
    pairs(tmp_path)
    write(tmp_path / "masks" / "c3.gif", blocks((0, 255)))
    with pytest.raises(DataError, match=r"images/c3\.png: has two files as its mask, masks/c3\.png and masks/c3\.gif"):
        given(tmp_path, masks="masks/{stem}.{png,gif}").setup()
    write(tmp_path / "images" / "c3.bmp", photo(3))
    with pytest.raises(DataError, match=r"masks/c3\.png: is the mask of two images, images/c3\.bmp and images/c3\.png"):
        given(tmp_path, images="images/*.{png,bmp}").setup()


def test_the_mask_of_an_image_is_no_image(tmp_path: Path) -> None:
    pairs(tmp_path, "all/{}.png", "all/{}_mask.png")
    data = given(tmp_path, images="all/*.png", masks="all/{stem}_mask.png")
    assert sorted(everything(data)) == list(NAMES)


def test_names_are_as_short_as_tells_images_apart() -> None:
    assert unique_names(["im/a.png", "im/b.png"], ["a", "b"]) == ["a", "b"]
    assert unique_names(["im/a_x.png", "im/a_y.png"], ["a", "a"]) == ["a_x", "a_y"]
    assert unique_names(["p1/im/a.png", "p2/im/a.png"], ["a", "a"]) == ["p1_a", "p2_a"]
    assert unique_names(["a.png", "x/a.png"], ["a", "a"]) == ["a", "x_a"]
    assert unique_names(["im/a.png", "im/a.tif"], ["a", "a"]) == ["im_a.png", "im_a.tif"]
    with pytest.raises(DataError, match="two images have one name"):
        unique_names(["a/b/c.png", "a_b/c.png"], ["c", "c"])


@pytest.mark.parametrize("split", ["holdout", "kfold"])
def test_units_are_never_cut(tmp_path: Path, split: str) -> None:
    names = [f"{city}{tile}_{crop}" for city in ("rome", "tyrol-w") for tile in (1, 2, 3) for crop in range(4)]
    pairs(tmp_path, names=names)
    for fold in range(3):
        data = given(tmp_path, split_by="{stem:[a-z-]+[0-9]+}", split=split, folds=3, fold=fold, split_seed=fold)
        where = {name: phase for phase, found in names_of(data).items() for name in found}
        assert {
            unit: len({where[n] for n in names if n.startswith(f"{unit}_")}) for unit in set(units(data).values())
        } == {f"{city}{tile}": 1 for city in ("rome", "tyrol-w") for tile in (1, 2, 3)}
        assert not any("begin alike" in note for note in data.notes)
    assert any("begin alike: rome1 (4)" in note for note in _notes(given(tmp_path, split=split)))


def _notes(data: FolderDataModule) -> list[str]:
    data.setup()
    return data.notes


def test_groups_and_parts_of_names(tmp_path: Path) -> None:
    pairs(tmp_path, names=[f"{city}{tile}" for city in ("rome", "bonn") for tile in range(4)])
    data = given(tmp_path, images="images/{city:[a-z]+}{tile}.png", group="{city}", stratum="{city}")
    assert {name: item.group for name, item in everything(data).items()} == {
        f"{city}{tile}": city for city in ("rome", "bonn") for tile in range(4)
    }
    assert all(len({name[:4] for name in names_of(data)[phase]}) == 2 for phase in ("train", "test"))
    with pytest.raises(ConfigError, match=r"datamodule\.group: there is no \{town\} in '\{town\}'; there are \{city\}"):
        given(tmp_path, images="images/{city:[a-z]+}{tile}.png", group="{town}").setup()
    with pytest.raises(
        DataError, match=r"images/bonn0\.png: datamodule\.split_by: nothing in stem 'bonn0' fits '\[x-z\]'"
    ):
        given(tmp_path, split_by="{stem:[x-z]}").setup()


def table(root: Path, text: str) -> str:
    (root / "meta.csv").write_text(text, encoding="utf-8")
    return "meta.csv"


ROWS = [f"{name},p{number // 2},{'ab'[number % 2]}" for number, name in enumerate(NAMES)]


@pytest.mark.parametrize(
    "text",
    [
        "\n".join(["image,patient,kind", *ROWS]),
        "\n".join(["image;patient;kind", *(row.replace(",", ";") for row in ROWS)]),
        "\ufeffimage\tpatient\tkind\r\n" + "\r\n".join(row.replace(",", "\t") for row in reversed(ROWS)),
        "\n".join(["image,patient,kind", *(row.replace(",p", ".png,p") for row in ROWS)]),
        "\n".join(["image,patient,kind", *(f"images/{row.replace(',p', '.png,p')}" for row in ROWS)]),
        "\n".join(["image,patient,kind", "zz,p9,a", *ROWS, ""]),
    ],
)
def test_table_of_patients(tmp_path: Path, text: str) -> None:
    pairs(tmp_path)
    data = given(tmp_path, table=table(tmp_path, text), split_by="{patient}", stratum="{kind}", group="{kind}")
    assert units(data) == {name: f"p{number // 2}" for number, name in enumerate(NAMES)}
    assert [pair.stratum for pair in data.listing().pairs] == [pair.group for pair in data.listing().pairs]
    assert everything(data)["b2"].group == "b"
    assert any("1 rows are of images that are not there" in note for note in data.notes) == ("zz" in text)


def test_numbers_that_a_spreadsheet_has_cut(tmp_path: Path) -> None:
    pairs(tmp_path, names=["001", "002", "010", "011", "100"])
    text = "image ID,class label\n1,2\n2,1\n10,3\n11,3\n100,2\n"
    data = given(tmp_path, table=table(tmp_path, text), table_key="image ID", stratum="{class label}")
    assert [pair.stratum for pair in data.listing().pairs] == ["2", "1", "3", "3", "2"]


def test_table_of_patients_with_many_images(tmp_path: Path) -> None:
    pairs(tmp_path, names=[f"{patient}_{slice}" for patient in "xyz" for slice in range(3)])
    text = "patient,kind\nx,1\ny,2\nz,1\n"
    keys = {
        "images": "images/{patient}_{slice}.png",
        "table_key": "patient",
        "split_by": "{patient}",
        "stratum": "{kind}",
    }
    data = given(tmp_path, table=table(tmp_path, text), **keys)
    assert [pair.stratum for pair in data.listing().pairs] == list("111222111")


@pytest.mark.parametrize(
    ("text", "keys", "words"),
    [
        (None, {}, r"datamodule\.table: no file .*meta\.csv"),
        ("", {}, r"meta\.csv is empty"),
        ("image,image\na1,1", {}, "two columns of one name: image, image"),
        ("image,patient\na1", {}, "line 2 has 1 cells, expected 2"),
        (f"image,{'9' * 5000}\na1,p\n", {}, r"no column of image, 9{50,190}\S* names every image"),
        ("image,patient\na1,p\n", {}, r"no column of image, patient names every image .*\(as a1\)"),
        ("\n".join(["a,b", *(f"{name},{name}" for name in NAMES)]), {}, "a and b both name every image"),
        (
            "\n".join(["image,p", *ROWS]).replace(",a", "").replace(",b", ""),
            {"table_key": "imgae"},
            "Did you mean 'image'",
        ),
        ("image,patient\na1,p\na1,q", {"table_key": "image"}, "more than one row for a1 in column 'image'"),
        (f"{'9' * 4000}\na1\na1", {"table_key": "9" * 4000}, "row for a1 in column '9{40,70}…9{20,60}'; leave one"),
        ("image,patient\na1,p\nb2,q", {"table_key": "image"}, r"no row for images/c3\.png, .* and 2 more in column"),
        ("\n".join(["image,patient", *(f"{name}," for name in NAMES)]), {}, r"'\{patient\}' is empty for it"),
    ],
)
def test_tables_that_do_not_fit(tmp_path: Path, text: str | None, keys: Any, words: str) -> None:
    pairs(tmp_path)
    if text is not None:
        table(tmp_path, text)
    with pytest.raises(DataError, match=words):
        given(tmp_path, table="meta.csv", split_by="{patient}", **keys).setup()


def test_table_tells_the_parts(tmp_path: Path) -> None:
    pairs(tmp_path)
    parts = ["train", "train", "train", "Val", "val", "test", "test"]
    text = "image,split\n" + "\n".join(f"{name},{part}" for name, part in zip(NAMES, parts, strict=True))
    data = given(tmp_path, table=table(tmp_path, text))
    assert names_of(data) == {"train": ["a1", "b2", "c3"], "val": ["d4", "e5"], "test": ["f6", "g7"]}
    assert data.settled()["split"] == "official"


def folders(root: Path, *parts: str) -> Path:
    for part in parts:
        pairs(root, f"{part}/im/{{}}.png", f"{part}/gt/{{}}.png")
    return root


PARTED: dict[str, Any] = {"images": "{split}/im/*.png", "masks": "{split}/gt/{stem}.png"}


def test_parts_of_other_names(tmp_path: Path) -> None:
    folders(tmp_path, "Lern", "Pruef", "extra")
    with pytest.raises(
        DataError, match=r"\{split\} stands for Lern, Pruef, extra, which are no parts .*\{train:Lern,test:"
    ):
        given(tmp_path, **PARTED).setup()
    data = given(tmp_path, **PARTED, parts={"train": "Lern", "test": ["Pruef"]})
    assert {phase: len(names) for phase, names in names_of(data).items()} == {"train": 6, "val": 1, "test": 7}
    assert "extra: its 7 images are in no part of the split, left out" in data.notes
    assert names_of(data)["test"][0] == "Pruef_a1"
    with pytest.raises(ConfigError, match=r"datamodule\.parts: found 'trian', expected train, val, test.* 'train'\?"):
        given(tmp_path, **PARTED, parts={"trian": "Lern"})
    with pytest.raises(ConfigError, match="lern is in two parts, train and test"):
        given(tmp_path, **PARTED, parts={"train": "Lern", "test": "lern"})


def test_official_split_or_another(tmp_path: Path) -> None:
    folders(tmp_path, "train", "valid", "test")
    official = names_of(given(tmp_path, **PARTED))
    assert [{name.split("_")[0] for name in official[phase]} for phase in PHASES] == [{"train"}, {"valid"}, {"test"}]
    assert official == names_of(given(tmp_path, **PARTED, split="official"))
    mixed = names_of(given(tmp_path, **PARTED, split="holdout"))
    assert [len(mixed[phase]) for phase in PHASES] == [14, 3, 4]
    assert given(tmp_path, **PARTED, split="holdout").describe()["split"]["rule"] == "holdout"
    torn = given(tmp_path, **PARTED, split_by="{stem}")
    assert "the official split puts images of one unit into several parts: a1, b2, c3, d4, e5, f6, g7" in _notes(torn)


def test_official_split_that_there_is_not(tmp_path: Path) -> None:
    pairs(tmp_path)
    with pytest.raises(DataError, match=r"found official, but no names tell .* use holdout or kfold"):
        given(tmp_path, split="official").setup()


def test_validation_part_is_tested_where_there_is_no_other(tmp_path: Path) -> None:
    folders(tmp_path, "train", "val")
    data = given(tmp_path, **PARTED)
    parts = names_of(data)
    assert set(parts["test"]) == {f"val_{name}" for name in NAMES}
    assert all(name.startswith("train") for name in parts["val"] + parts["train"])
    assert any(note.startswith("the split has no test part: its validation part is tested") for note in data.notes)


def test_split_file_overrides_the_parts(tmp_path: Path) -> None:
    folders(tmp_path, "train", "test")
    path = tmp_path / "split.json"
    path.write_text(json.dumps({"train": ["test_a1"], "val": ["test_b2"], "test": ["train_a1"]}))
    assert names_of(given(tmp_path, **PARTED, split_file=str(path)))["test"] == ["train_a1"]
