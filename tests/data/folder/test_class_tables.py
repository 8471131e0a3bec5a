"""Names of classes from the tables that data sets and annotation tools leave beside masks."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.data.folder import FolderDataModule
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, blocks, names_of, pairs
from tests.data.made import write

COLOURS = ((0, 0, 0), (0, 0, 255), (255, 0, 0))


def coloured(root: Path, colours: tuple[tuple[int, int, int], ...] = COLOURS) -> Path:
    pairs(root)
    for name in NAMES:
        write(root / f"masks/{name}.png", np.array(colours, np.uint8)[blocks(range(len(colours)))])
    return root


def values_of(root: Path, **keys: Any) -> dict[Any, Any]:
    data = FolderDataModule(str(root), **keys)
    names_of(data)
    return dict(data.settled()["mask_values"])


def refusal(root: Path, **keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(root), **keys).setup()
    return str(caught.value)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("class_dict.csv", "name,r,g,b\nroad,255,0,0\nwater,0,0,255\nvoid,0,0,0\nunused,1,2,3\n"),
        ("class_dict_seg.csv", "name, r, g, b\nroad, 255, 0, 0\nwater, 0, 0, 255\nvoid, 0, 0, 0\n"),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nroad:255,0,0::\nwater:0,0,255::\nvoid:0,0,0::\n"),
        ("label_colors.txt", "255 0 0\troad\n0 0 255\t\twater\n0 0 0\tvoid\n"),
    ],
)
def test_colours_have_the_names_of_the_table(tmp_path: Path, file: str, text: str) -> None:
    """Kaggle, CVAT, CamVid; a class of the table that no mask shows is none, and order is that of the table."""
    (coloured(tmp_path) / file).write_text(text)
    expected = {"255 0 0": "road", "0 0 255": "water", "0 0 0": "void"}
    assert values_of(tmp_path) == expected
    assert list(values_of(tmp_path)) == list(expected)
    # With patterns given, too.
    assert values_of(tmp_path, images="images/*.png", masks="masks/{stem}.png") == expected
    assert values_of(tmp_path, ignored=["#000000"]) == {"255 0 0": "road", "0 0 255": "water"}
    data = FolderDataModule(str(tmp_path))
    names_of(data)
    assert any(
        note.startswith(f"classes are named by {file}: 255 0 0 is road, 0 0 255 is water") for note in data.notes
    )
    assert data.classes() == (("road", "water", "void"), ((255, 0, 0), (0, 0, 255), (0, 0, 0)))


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("_classes.csv", "Pixel Value, Class\n0, other\n1, wall\n2, building\n3, sky\n"),
        ("objectInfo150.txt", "Idx\tRatio\tName\n1\t0.1\twall\n2\t0.1\tbuilding, edifice\n3\t0.1\tsky\n"),
    ],
)
def test_numbers_have_the_names_of_the_table(tmp_path: Path, file: str, text: str) -> None:
    """Roboflow, ADE20K."""
    (pairs(tmp_path, values=(0, 1, 2)) / "masks" / file).write_text(text)
    assert values_of(tmp_path) == {0: "other", 1: "wall", 2: "building"}


def test_two_classes_begin_with_black(tmp_path: Path) -> None:
    """Massachusetts and DeepGlobe roads, whose table begins with the road."""
    (pairs(tmp_path) / "class_dict.csv").write_text("name,r,g,b\nroad,255,255,255\nland,0,0,0\n")
    assert list(values_of(tmp_path).items()) == [(0, "land"), (255, "road")]


def test_more_classes_than_are_guessed(tmp_path: Path) -> None:
    """ADE20K: 20 numbers with names need no line."""
    pairs(tmp_path, values=range(0, 40, 2))
    rows = "".join(f"{number}\t{number} things, stuff\n" for number in range(1, 151))
    (tmp_path / "objectInfo150.txt").write_text(f"Idx\tName\n{rows}")
    assert values_of(tmp_path) == {0: "other"} | {number: f"{number} things" for number in range(2, 40, 2)}


def palettes(root: Path, names: dict[str, str]) -> Path:
    palette = np.random.default_rng(0).permutation(256 * 3).astype(np.uint8).tolist()
    for folder in NAMES:
        pairs(root, f"{folder}_json/img.png", f"{folder}_json/label.png", [folder])
        mask = Image.fromarray(blocks((0, 1)))
        mask.putpalette(palette)
        mask.save(root / f"{folder}_json/label.png")
        (root / f"{folder}_json/label_names.txt").write_text(names.get(folder, "_background_\ncar\n"))
    return root


def test_indices_have_the_names_of_labelme(tmp_path: Path) -> None:
    palettes(tmp_path, {"a1": "_background_\ncar\nperson\n"})
    assert values_of(tmp_path) == {0: "background", 1: "car"}


def test_masks_that_count_each_in_its_own_way_are_refused(tmp_path: Path) -> None:
    """labelme_json_to_dataset numbers the labels of each image anew."""
    palettes(tmp_path, {"c3": "_background_\nperson\ncar\n"})
    text = refusal(tmp_path)
    assert "1 is car in a1_json/label_names.txt and person in c3_json/label_names.txt" in text
    assert "labelme2voc.py" in text
    assert values_of(tmp_path, classes=["ground", "thing"]) == {0: "ground", 1: "thing"}


def test_255_beside_named_numbers_is_asked_about(tmp_path: Path) -> None:
    (pairs(tmp_path, values=(0, 40, 90, 255)) / "_classes.csv").write_text("Pixel Value, Class\n0,a\n40,b\n90,c\n")
    text = refusal(tmp_path)
    assert "masks hold 255, for which _classes.csv has no class" in text
    assert values_of(tmp_path, ignored=[255]) == {0: "a", 40: "b", 90: "c"}


LONG = "name,r,g,b\nb,0,0,0\n{},255,0,0\nc,0,0,255\n".format("a" * 101)


@pytest.mark.parametrize(
    "text", ["", "name,r,g,b\n", "name,r\nx,1\n", "name,r,g,b\na,0,0,0\na,255,0,0\n", "\xff", LONG]
)
def test_what_is_no_table_is_passed_over(tmp_path: Path, text: str) -> None:
    (coloured(tmp_path) / "class_dict.csv").write_text(text, encoding="latin-1")
    assert set(values_of(tmp_path).values()) == {"black", "blue", "red"}


def test_a_table_of_other_colours_is_not_used_and_that_is_said(tmp_path: Path) -> None:
    (coloured(tmp_path) / "class_dict.csv").write_text("name,r,g,b\nroad,9,9,9\nwater,0,0,255\n")
    data = FolderDataModule(str(tmp_path))
    names_of(data)
    assert set(data.labels.names) == {"black", "blue", "red"}
    assert any("class_dict.csv: not used for the names of classes" in note for note in data.notes)
