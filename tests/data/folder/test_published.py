"""Folders of published data sets and exports as they lie after unzipping: parts, pairs, what is no image."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.data.folder import FolderDataModule
from segexp.errors import DataError
from tests.data.folder.parts import NAMES, blocks, names_of, pairs, photo
from tests.data.made import write


def refusal(root: Path, **keys: Any) -> str:
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(root), **keys).setup()
    return str(caught.value)


def found(root: Path, **keys: Any) -> tuple[str, str]:
    data = FolderDataModule(str(root), **keys)
    names_of(data)
    return data.found.rules.images.text, data.found.rules.masks.text


def test_validation_is_tested_where_test_images_have_no_masks(tmp_path: Path) -> None:
    """UAVid and LoveDA: training and validation images must not be mixed because the test has no labels."""
    for part, sequences in (("train", (1, 2, 3, 4)), ("val", (16, 17))):
        for sequence in sequences:
            pairs(
                tmp_path, f"uavid_{part}/seq{sequence}/Images/{{}}.png", f"uavid_{part}/seq{sequence}/Labels/{{}}.png"
            )
    for seed in range(2):
        write(tmp_path / f"uavid_test/seq21/Images/{seed}.png", photo(seed))
    data = FolderDataModule(str(tmp_path))
    parts = names_of(data)
    assert {name.split("_seq")[0] for name in parts["test"]} == {"uavid_val"}
    assert {name.split("_seq")[0] for phase in ("train", "val") for name in parts[phase]} == {"uavid_train"}
    assert len(parts["test"]) == 2 * len(NAMES)
    assert (data.split, data.settled()["parts"]) == ("official", {"train": "train", "val": "val"})
    # The same from the keys that fix it.
    assert names_of(FolderDataModule(str(tmp_path), **data.settled())) == parts
    assert any("its validation part is tested" in note for note in data.notes)


def test_years_behind_the_parts(tmp_path: Path) -> None:
    for part in ("train2017", "val2017"):
        pairs(tmp_path, f"images/{part}/{{}}.jpg", f"annotations/{part}/{{}}.png")
    data = FolderDataModule(str(tmp_path))
    assert all("val" in name for name in names_of(data)["test"])
    assert data.found.rules.images.text == "images/{split}2017/*.jpg"


def test_train_and_val_in_one_folder_are_training(tmp_path: Path) -> None:
    """SUIM, whose test has a folder of black and white masks for each class beside the masks."""
    for part in ("train_val", "TEST"):
        pairs(tmp_path, f"{part}/images/{{}}.jpg", f"{part}/masks/{{}}.bmp")
    for kind in ("FV", "HD", "WR"):
        pairs(tmp_path, "TEST/images/{}.jpg", f"TEST/masks/{kind}/{{}}.bmp")
    data = FolderDataModule(str(tmp_path))
    assert [len(names) for names in names_of(data).values()] == [6, 1, 7]
    assert all(name.startswith("TEST") for name in names_of(data)["test"])
    assert data.found.rules.masks.text == "{split}/masks/{stem}.bmp"


def test_a_part_named_twice(tmp_path: Path) -> None:
    """Crack500."""
    for part in ("train", "val", "test"):
        pairs(tmp_path, f"{part}crop/{part}crop/2016_{{}}.jpg", f"{part}crop/{part}crop/2016_{{}}.png")
    assert found(tmp_path) == ("{split}crop/{split}crop/*.jpg", "{split}crop/{split}crop/{stem}.png")


def test_parts_without_masks_in_one_folder(tmp_path: Path) -> None:
    """DeepGlobe: images and masks of the training, images alone of the others."""
    pairs(tmp_path, "train/{}_sat.jpg", "train/{}_mask.png")
    for seed in range(4):
        write(tmp_path / ("valid" if seed % 2 else "test") / f"{seed}_sat.jpg", photo(seed))
    data = FolderDataModule(str(tmp_path))
    assert sum(map(len, names_of(data).values())) == len(NAMES)
    assert (data.found.rules.images.text, data.settled()["parts"]) == ("{split}/{id}_sat.jpg", {"train": "train"})
    assert "test: its 2 images are in no part of the split, left out" in data.notes


def test_masks_in_a_folder_below(tmp_path: Path) -> None:
    """Oxford-IIIT Pet."""
    pairs(tmp_path, "images/{}.jpg", "annotations/trimaps/{}.png", values=(1, 2, 3))
    write(tmp_path / "annotations" / "trimaps" / "._a1.png", photo())
    assert found(tmp_path) == ("images/*.jpg", "annotations/trimaps/{stem}.png")


def test_masks_of_one_name_in_several_folders_are_taken_from_none(tmp_path: Path) -> None:
    for folder in ("x", "y"):
        pairs(tmp_path, "images/{}.jpg", f"masks/{folder}/{{}}.png")
    assert "none pair" in refusal(tmp_path)


def test_numbers_of_objects_are_no_images(tmp_path: Path) -> None:
    """CVAT and Pascal VOC: without JPEGImages, SegmentationObject must not be trained on."""
    pairs(tmp_path, "SegmentationObject/{}.png", "SegmentationClass/{}.png")
    assert "SegmentationClass holds masks, but no images were found" in refusal(tmp_path)
    pairs(tmp_path, "JPEGImages/{}.jpg", "SegmentationClass/{}.png")
    assert found(tmp_path) == ("JPEGImages/*.jpg", "SegmentationClass/{stem}.png")


def test_pictures_of_masks_belong_to_no_image(tmp_path: Path) -> None:
    """AIRS."""
    for part in ("train", "test"):
        pairs(tmp_path, f"{part}/image/{{}}.tif", f"{part}/label/{{}}.tif")
        pairs(tmp_path, f"{part}/image/{{}}.tif", f"{part}/label/{{}}_vis.tif")
    assert found(tmp_path) == ("{split}/image/*.tif", "{split}/label/{stem}.tif")


def test_classes_beside_arrays_and_pictures_of_them(tmp_path: Path) -> None:
    """The export of labelme2voc."""
    pairs(tmp_path, "voc/JPEGImages/{}.jpg", "voc/SegmentationClass/{}.png")
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"voc/SegmentationClassVisualization/{name}.jpg", photo(seed))
        (tmp_path / "voc/SegmentationClassNpy").mkdir(exist_ok=True)
        np.save(tmp_path / f"voc/SegmentationClassNpy/{name}.npy", blocks((0, 1)))
    assert found(tmp_path) == ("voc/JPEGImages/*.jpg", "voc/SegmentationClass/{stem}.png")


def test_several_words_behind_the_name(tmp_path: Path) -> None:
    """Segments.ai: two masks of an image, both proposed, and neither as an image."""
    for kind in ("", "_semantic"):
        pairs(tmp_path, "{}.jpg", f"{{}}_label_ground-truth{kind}.png")
    lines = refusal(tmp_path).splitlines()[1:]
    assert [line.split("    ")[0] for line in lines] == [
        "  'datamodule.images=*.jpg' 'datamodule.masks={stem}_label_ground-truth.png'",
        "  'datamodule.images=*.jpg' 'datamodule.masks={stem}_label_ground-truth_semantic.png'",
    ]


def test_images_of_a_series_are_no_masks_of_each_other(tmp_path: Path) -> None:
    """NEU-DET, MVTec: crazing_1 is no mask of crazing_0."""
    for seed, kind in enumerate(("crazing", "scratches", "patches")):
        for number in range(3):
            write(tmp_path / f"images/{kind}/{kind}_{number}.jpg", photo(10 * seed + number))
    assert "found no masks" in refusal(tmp_path)


def test_folders_whose_names_say_nothing_are_proposed(tmp_path: Path) -> None:
    """CamVid of Cambridge."""
    pairs(tmp_path, "701_StillsRaw_full/{}.png", "LabeledApproved_full/{}_L.png")
    line = "'datamodule.images=701_StillsRaw_full/*.png' 'datamodule.masks=LabeledApproved_full/{stem}_L.png'"
    assert refusal(tmp_path).splitlines()[1] == f"  {line}    (7 pairs)"


def test_bands_beside_outlines_are_no_masks(tmp_path: Path) -> None:
    """SpaceNet."""
    for seed in range(3):
        for kind in ("MUL", "RGB"):
            write(tmp_path / kind / f"{kind}_img{seed}.tif", photo(seed + len(kind)))
        (tmp_path / f"img{seed}.geojson").write_text("{}")
    assert "datamodule.masks=MUL" not in refusal(tmp_path)


@pytest.mark.parametrize("values", [(0, 1, 7, 15, 255), (0, 1, 2, 17, 181, 255), (0, 3, 9, 255)])
def test_255_beside_numbers_with_gaps_is_asked_about(tmp_path: Path, values: tuple[int, ...]) -> None:
    """Few images show few of the classes of Pascal VOC and COCO-Stuff."""
    pairs(tmp_path, values=values)
    text = refusal(tmp_path)
    assert "is 255 a class, or what was not labelled (the others count classes)?" in text
    assert text.splitlines()[1] == "  'datamodule.ignored=[255]'"


def test_border_of_a_palette_is_asked_about(tmp_path: Path) -> None:
    palette = np.random.default_rng(0).permutation(256 * 3).astype(np.uint8)
    pairs(tmp_path, "JPEGImages/{}.jpg", "SegmentationClass/{}.png")
    for name in NAMES:
        mask = Image.fromarray(blocks((0, 1, 7, 255)))
        mask.putpalette(palette.tolist())
        mask.save(tmp_path / f"SegmentationClass/{name}.png")
    assert "is 255 a class" in refusal(tmp_path)
    data = FolderDataModule(str(tmp_path), ignored=[255])
    names_of(data)
    assert list(data.labels.values.values()) == [0, 1, 2, 255]


def test_tones_of_grey_are_classes(tmp_path: Path) -> None:
    pairs(tmp_path, values=(0, 128, 255))
    assert len(FolderDataModule(str(tmp_path)).labels.names) == 3
