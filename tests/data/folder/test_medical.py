"""Folders of medical and microscopy data sets as they lie after unzipping: parts, pairs, objects, what is no label."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from segexp.data.folder import FolderDataModule
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, blocks, everything, names_of, pairs, photo
from tests.data.made import write

COUNTS = (6, 3, 4, 6, 5, 6, 6)
"""Objects of each mask."""


def refusal(root: Path, **keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(root), **keys).setup()
    return str(caught.value)


def patterns(root: Path, **keys: Any) -> tuple[str, str]:
    data = FolderDataModule(str(root), **keys)
    names_of(data)
    return data.found.rules.images.text, data.found.rules.masks.text


def squares(count: int, dtype: str = "uint8") -> NDArray[Any]:
    """A mask that numbers so many squares."""
    mask = np.zeros((40, 44), dtype)
    for number in range(count):
        row, column = divmod(number, 4)
        mask[2 + 10 * row : 8 + 10 * row, 2 + 10 * column : 8 + 10 * column] = number + 1
    return mask


def numbered(root: Path, counts: tuple[int, ...] = COUNTS) -> None:
    for seed, (name, count) in enumerate(zip(NAMES, counts, strict=True)):
        write(root / f"images/{name}.png", photo(seed))
        write(root / f"masks/{name}.png", squares(count))


def test_parts_that_names_tell_are_the_official_split(tmp_path: Path) -> None:
    """GlaS: two test sets and the training set in one folder."""
    for part, count in (("train", 7), ("testA", 3), ("testB", 2)):
        pairs(tmp_path, f"W/{part}_{{}}.bmp", f"W/{part}_{{}}_anno.bmp", NAMES[:count])
    data = FolderDataModule(str(tmp_path))
    parts = names_of(data)
    assert parts["test"] == [*(f"testA_{name}" for name in NAMES[:3]), *(f"testB_{name}" for name in NAMES[:2])]
    assert len(parts["train"]) + len(parts["val"]) == 7
    assert data.settled()["parts"] == {"test": ["testA", "testB"], "train": ["train"]}
    assert data.settled()["split"] == "official"
    # The same from the keys that fix it.
    assert names_of(FolderDataModule(str(tmp_path), **data.settled())) == parts


def test_parts_that_names_of_images_and_masks_tell(tmp_path: Path) -> None:
    for part, count in (("train", 7), ("test", 3)):
        pairs(tmp_path, f"{part}_{{}}_img.png", f"{part}_{{}}_masks.png", NAMES[:count])
    assert patterns(tmp_path) == ("{split:[A-Za-z]+}_{id}_img.png", "{split}_{id}_masks.png")
    # One part alone is no split, nor are other words.
    pairs(tmp_path / "one", "train_{}.jpg", "train_{}_mask.png")
    assert patterns(tmp_path / "one")[0] == "*.jpg"
    pairs(tmp_path / "two", "train_{}.jpg", "train_{}_mask.png")
    pairs(tmp_path / "two", "tram_{}.jpg", "tram_{}_mask.png")
    assert patterns(tmp_path / "two")[0] == "*.jpg"


def test_superpixels_are_neither_images_nor_masks(tmp_path: Path) -> None:
    """ISIC 2017: beside the photographs lie their superpixels, and no folder is called images."""
    pairs(tmp_path, "ISIC_Data/{}.jpg", "ISIC_Part1_GroundTruth/{}_segmentation.png")
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"ISIC_Data/{name}_superpixels.png", photo(50 + seed))
    assert patterns(tmp_path) == ("ISIC_Data/*.jpg", "ISIC_Part1_GroundTruth/{stem}_segmentation.png")


def test_flows_of_cellpose_are_passed_over(tmp_path: Path) -> None:
    pairs(tmp_path, "{}.tif", "{}_cp_masks.png")
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"{name}_flows.tif", photo(50 + seed))
    data = FolderDataModule(str(tmp_path))
    assert sorted(name for names in names_of(data).values() for name in names) == sorted(NAMES)
    assert (data.found.rules.images.text, data.found.rules.masks.text) == ("*.tif", "{stem}_cp_masks.png")
    assert "passed over, made of other images: a1_flows.tif and 6 more" in data.notes


def test_kinds_of_images_are_no_patients(tmp_path: Path) -> None:
    """COVID-19 Radiography: a folder for each diagnosis; a test of one diagnosis alone would tell nothing."""
    for kind in ("COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"):
        pairs(tmp_path, f"{kind}/images/{kind}-{{}}.png", f"{kind}/masks/{kind}-{{}}.png")
    data = FolderDataModule(str(tmp_path))
    assert "split_by" not in data.settled()
    data.setup()
    (hint,) = [note for note in data.notes if note.startswith("images lie in 4 folders")]
    assert "if each is one patient, video or slide" in hint
    assert "'datamodule.split_by={patient}'" in hint
    assert "(COVID, Lung_Opacity, Normal, Viral Pneumonia), every part can have its share of each: " in hint
    assert hint.endswith("'datamodule.stratum={patient}'")
    parts = names_of(FolderDataModule(str(tmp_path), stratum="{patient}"))
    assert {name.split("-")[0] for name in parts["test"]} == {"COVID", "Lung_Opacity", "Normal", "Viral Pneumonia"}


def test_folders_that_share_a_number_are_of_one_slide(tmp_path: Path) -> None:
    """TNBC."""
    for slide in range(1, 6):
        pairs(tmp_path, f"N/Slide_{slide:02d}/{slide:02d}_{{}}.png", f"N/GT_{slide:02d}/{slide:02d}_{{}}.png", "123")
    data = FolderDataModule(str(tmp_path))
    parts = names_of(data)
    assert (data.found.rules.images.text, data.found.rules.masks.text) == (
        "N/Slide_{patient}/*.png",
        "N/GT_{patient}/{stem}.png",
    )
    slides = [{name.split("_")[0] for name in names} for names in parts.values()]
    assert sum(map(len, slides)) == len(set.union(*slides)) == 5


def test_a_folder_for_each_lesion(tmp_path: Path) -> None:
    """PH2, with regions of colours beside some lesions."""
    for number in (3, 4, 6, 10):
        lesion = f"IMD{number:03d}"
        place = f"PH2 images/{lesion}/{lesion}"
        pairs(tmp_path, f"{place}_Dermoscopic_Image/{{}}.bmp", f"{place}_lesion/{{}}_lesion.bmp", [lesion])
        if number % 2 == 0:
            write(tmp_path / f"{place}_roi/{lesion}_R1_Label3.bmp", blocks((0, 255)))
    assert patterns(tmp_path) == (
        "PH2 images/IMD{patient}/IMD{patient}_Dermoscopic_Image/*.bmp",
        "PH2 images/IMD{patient}/IMD{patient}_lesion/{stem}_lesion.bmp",
    )


def test_a_film_is_paired_with_its_own_masks(tmp_path: Path) -> None:
    """Cell Tracking Challenge: frames of both films have the same names, and marks for tracking are no masks."""
    for film in ("01", "02"):
        for frame in range(6):
            write(tmp_path / f"C/{film}/t{frame:03d}.tif", photo(100 * int(film) + frame))
            write(tmp_path / f"C/{film}_GT/TRA/man_track{frame:03d}.tif", squares(2))
            value = 200 if film == "01" else 255
            write(tmp_path / f"C/{film}_ST/SEG/man_seg{frame:03d}.tif", blocks((0, value)))
        write(tmp_path / f"C/{film}_GT/SEG/man_seg000.tif", squares(2))
    data = FolderDataModule(str(tmp_path), mask_values={0: "background", 200: "first", 255: "second"})
    assert data.found.rules.images.text == "C/{patient}/t{id}.tif"
    assert data.found.rules.masks.text == "C/{patient}_ST/SEG/man_seg{id}.tif"
    items = everything(data)
    assert len(items) == 12
    for name, item in items.items():
        assert set(np.unique(item.target)) == ({0, 1} if name.startswith("01") else {0, 2})


def test_no_line_pairs_images_with_masks_of_another_set(tmp_path: Path) -> None:
    """REFUGE: V0001.jpg is no partner of T0001.bmp."""
    for part, letter in (("Validation", "V"), ("Test", "T")):
        names = [f"{letter}{number:04d}" for number in range(1, 5)]
        pairs(tmp_path, f"REFUGE-{part}400/{{}}.jpg", f"REFUGE-{part}400-GT/Disc_Cup_Masks/{{}}.bmp", names)
    lines = [line for line in refusal(tmp_path).splitlines() if "'datamodule.images" in line]
    assert len(lines) == 2
    assert all("{id}" not in line for line in lines)


def test_names_of_folders_written_in_humps(tmp_path: Path) -> None:
    """Montgomery: a mask of each lung."""
    for side in ("left", "right"):
        pairs(tmp_path, "CXR_png/{}.png", f"ManualMask/{side}Mask/{{}}.png")
    text = refusal(tmp_path)
    for side in ("left", "right"):
        assert f"'datamodule.images=CXR_png/*.png' 'datamodule.masks=ManualMask/{side}Mask/{{stem}}.png'" in text


def test_few_numbers_of_objects_are_a_question(tmp_path: Path) -> None:
    numbered(tmp_path)
    text = refusal(tmp_path)
    assert "masks count from 1, and each number is one piece: are they classes, or do they number objects?" in text
    assert "foreground (those that touch become one): 'datamodule.mask_values={0:background," in text
    data = FolderDataModule(str(tmp_path), mask_values={0: "background", 1: "foreground"}, unknown_values="nearest")
    item = everything(data)["g7"]
    assert np.array_equal(item.target, (squares(6) > 0).astype(np.uint8))
    data = FolderDataModule(str(tmp_path), mask_values={number: f"class_{number}" for number in range(7)})
    assert np.array_equal(everything(data)["g7"].target, squares(6))


def test_classes_that_come_in_pieces_or_leave_numbers_out_are_classes(tmp_path: Path) -> None:
    numbered(tmp_path / "gaps", (6, 6, 6, 6, 6, 6, 6))
    for name, gone in (("a1", 1), ("b2", 5), ("c3", 3)):
        mask = squares(6)
        write(tmp_path / f"gaps/masks/{name}.png", np.where(mask == gone, 0, mask).astype(np.uint8))
    numbered(tmp_path / "pieces")
    for name, count in zip(NAMES, COUNTS, strict=True):
        write(tmp_path / f"pieces/masks/{name}.png", np.hstack([squares(count), squares(count)])[:, ::2])
    for root in (tmp_path / "gaps", tmp_path / "pieces"):
        data = FolderDataModule(str(root))
        data.setup()
        assert data.classes()[0] == tuple(f"class_{number}" for number in range(7))


def test_numbers_in_the_red_channel_are_a_question_and_not_all_black(tmp_path: Path) -> None:
    """BBBC039: RGBA, neighbours have different small numbers in the first channel."""
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"images/{name}.tif", photo(seed))
        mask = np.zeros((40, 44, 4), np.uint8)
        mask[..., 0], mask[..., 3] = squares(8) % 4, 255
        write(tmp_path / f"masks/{name}.png", mask)
    text = refusal(tmp_path)
    assert "these colours are numbers in one channel: are they classes, or do they tell objects apart?" in text
    line = re.search(r"\(those that touch become one\): 'datamodule.mask_values=\{(.*)\}' ", text)
    assert line is not None
    assert line[1] == "0 0 0:background,1 0 0:foreground,2 0 0:foreground,3 0 0:foreground"
    keys = dict(word.split(":") for word in line[1].split(","))
    item = everything(FolderDataModule(str(tmp_path), mask_values=keys, unknown_values="nearest"))["a1"]
    assert np.array_equal(item.target, (squares(8) % 4 > 0).astype(np.uint8))


def test_jpeg_masks_of_polyps_are_read_by_the_line_that_is_proposed(tmp_path: Path) -> None:
    """Kvasir-SEG."""
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"images/{name}.jpg", photo(seed))
        path = tmp_path / f"masks/{name}.jpg"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray((squares(3) > 0).astype(np.uint8) * 255).convert("RGB").save(path, quality=60)
    text = refusal(tmp_path)
    assert "they are JPEG, which smears values" in text
    assert "'datamodule.mask_values={0:background,255:foreground}' datamodule.unknown_values=nearest" in text
    data = FolderDataModule(str(tmp_path), mask_values={0: "background", 255: "foreground"}, unknown_values="nearest")
    item = everything(data)["a1"]
    assert np.array_equal(item.target, (squares(3) > 0).astype(np.uint8))
