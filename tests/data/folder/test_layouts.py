"""Layouts that are guessed, and those that are refused with lines to choose from."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.folder import FolderDataModule
from segexp.data.folder.guessing.layout import FolderLayout, guess_layout
from segexp.data.folder.masks.sample import looks_like_masks
from segexp.data.folder.tree import Tree, list_files
from segexp.errors import DataError
from segexp.rasters import open_raster
from tests.data.folder.parts import NAMES, blocks, guessed, names_of, pairs, photo
from tests.data.made import write


def guess(root: Path) -> FolderLayout:
    return guess_layout(list_files(root), lambda paths: looks_like_masks([root / path for path in paths]))


@pytest.mark.parametrize(
    ("image", "mask", "images", "masks"),
    [
        ("images/{}.png", "masks/{}.png", "images/*.png", "masks/{stem}.png"),
        ("img/{}.jpg", "gt/{}.png", "img/*.jpg", "gt/{stem}.png"),
        ("image/{}.png", "label/{}.png", "image/*.png", "label/{stem}.png"),
        ("JPEGImages/{}.jpg", "SegmentationClass/{}.png", "JPEGImages/*.jpg", "SegmentationClass/{stem}.png"),
        ("Images/{}.tif", "Ground Truth/{}_gt.tif", "Images/*.tif", "Ground Truth/{stem}_gt.tif"),
        ("data/images/{}.bmp", "data/annotations/{}.png", "data/images/*.bmp", "data/annotations/{stem}.png"),
        ("{}.jpg", "masks/{}.png", "*.jpg", "masks/{stem}.png"),
        ("images/{}.jpg", "masks/{}.jpg.png", "images/*.jpg", "masks/{stem}.jpg.png"),
        ("images/img_{}.png", "masks/mask_{}.png", "images/img_{id}.png", "masks/mask_{id}.png"),
        ("images/{}_sat.png", "labels/{}_lbl.png", "images/{id}_sat.png", "labels/{id}_lbl.png"),
        ("x/images/{}.png", "x/labels_v2/{}.png", "x/images/*.png", "x/labels_v2/{stem}.png"),
        ("images/batch/{}.png", "masks/batch/{}.png", "images/{sub1}/*.png", "masks/{sub1}/{stem}.png"),
        ("images/batch/{}.png", "masks/{}.png", "images/{sub1}/*.png", "masks/{stem}.png"),
        # One folder.
        ("{}.bmp", "{}.png", "*.bmp", "{stem}.png"),
        ("{}.jpg", "{}_mask.png", "*.jpg", "{stem}_mask.png"),
        ("{}.png", "{}_mask.png", "*.png", "{stem}_mask.png"),
        ("{}.png", "{}-gt.png", "*.png", "{stem}-gt.png"),
        ("{}.png", "mask_{}.png", "*.png", "mask_{stem}.png"),
        ("{}_sat.jpg", "{}_mask.png", "{id}_sat.jpg", "{id}_mask.png"),
        ("all/{}.png", "all/{}.tif", "all/*.png", "all/{stem}.tif"),
        ("all/{}_a.png", "all/{}_b.png", "all/{id}_a.png", "all/{id}_b.png"),
    ],
)
def test_layout_is_found(tmp_path: Path, image: str, mask: str, images: str, masks: str) -> None:
    found = guess(pairs(tmp_path, image, mask))
    assert (found.images, found.masks) == (images, masks)
    assert (found.valid, found.parts, found.pairs) == (None, None, len(NAMES))
    # What is guessed pairs every file.
    assert sorted(name for part in names_of(FolderDataModule(str(tmp_path))).values() for name in part)


def test_training_numbers_and_manual_numbers_as_in_drive(tmp_path: Path) -> None:
    numbers = [str(number) for number in range(21, 28)]
    pairs(tmp_path, "images/{}_training.tif", "1st_manual/{}_manual1.gif", numbers)
    pairs(tmp_path, "images/{}_training.tif", "2nd_manual/{}_manual2.gif", numbers)
    pairs(tmp_path, "images/{}_training.tif", "mask/{}_training_mask.gif", numbers, (0, 255, 255))
    data = FolderDataModule(str(tmp_path))
    assert names_of(data)["train"] != []
    assert {key: data.settled()[key] for key in ("images", "masks", "valid")} == {
        "images": "images/{id}_training.tif",
        "masks": "1st_manual/{id}_manual1.gif",
        "valid": "mask/{stem}_mask.gif",
    }
    assert data.scored_region() == "where mask/{stem}_mask.gif is not 0"
    assert "not used: 2nd_manual (7 files)" in data.notes
    assert "valid" not in guessed(tmp_path, valid=None)


def test_parts_of_a_split(tmp_path: Path) -> None:
    for part, names in (("train", NAMES), ("val", NAMES[:2]), ("test", NAMES[:3])):
        pairs(tmp_path, f"{part}/images/{{}}.png", f"{part}/masks/{{}}.png", names)
    found = guess(tmp_path)
    assert (found.images, found.masks, found.parts) == ("{split}/images/*.png", "{split}/masks/{stem}.png", None)
    data = FolderDataModule(str(tmp_path))
    assert names_of(data) == {
        "train": [f"train_{name}" for name in NAMES],
        "val": ["val_a1", "val_b2"],
        "test": ["test_a1", "test_b2", "test_c3"],
    }
    assert data.settled()["split"] == "official"
    assert data.describe()["split"]["rule"] == "official"


@pytest.mark.parametrize(
    ("image", "mask", "images", "masks"),
    [
        ("images/{part}/{name}.png", "labels/{part}/{name}.png", "images/{split}/*.png", "labels/{split}/{stem}.png"),
        ("{part}_img/{name}.png", "{part}_gt/{name}.png", "{split}_img/*.png", "{split}_gt/{stem}.png"),
        ("{part}/{name}.png", "{part}annot/{name}.png", "{split}/*.png", "{split}annot/{stem}.png"),
        ("{part}/im/{name}_{part}.png", "{part}/gt/{name}.png", "{split}/im/{id}_{split}.png", "{split}/gt/{id}.png"),
        ("{part}/{name}.jpg", "{part}/{name}_mask.png", "{split}/*.jpg", "{split}/{stem}_mask.png"),
    ],
)
def test_parts_of_a_split_in_other_places(tmp_path: Path, image: str, mask: str, images: str, masks: str) -> None:
    for part in ("train", "test"):
        for seed, name in enumerate(NAMES):
            write(tmp_path / image.format(part=part, name=name), photo(seed + 100 * len(part)))
            write(tmp_path / mask.format(part=part, name=name), blocks((0, 1)))
    found = guess(tmp_path)
    assert (found.images, found.masks) == (images, masks)
    data = FolderDataModule(str(tmp_path))
    assert {phase: len(names) for phase, names in names_of(data).items()} == {"train": 6, "val": 1, "test": 7}
    assert all("test" in name for name in names_of(data)["test"])
    assert all("train" in name for phase in ("train", "val") for name in names_of(data)[phase])


def test_cities_below_the_folder_of_images(tmp_path: Path) -> None:
    for part in ("train", "val"):
        for city in ("aachen", "bonn"):
            names = [f"{city}_{number}" for number in range(3)]
            pairs(
                tmp_path,
                f"leftImg8bit/{part}/{city}/{{}}_leftImg8bit.png",
                f"gtFine/{part}/{city}/{{}}_gtFine_labelIds.png",
                names,
            )
    found = guess(tmp_path)
    assert found.images == "leftImg8bit/{split}/{sub1}/{id}_leftImg8bit.png"
    assert found.masks == "gtFine/{split}/{sub1}/{id}_gtFine_labelIds.png"
    data = FolderDataModule(str(tmp_path))
    parts = names_of(data)
    assert [len(parts[phase]) for phase in ("train", "val", "test")] == [5, 1, 6]
    assert any("its validation part is tested" in note for note in data.notes)


def test_test_images_without_masks_are_left_out(tmp_path: Path) -> None:
    pairs(tmp_path, "train/images/{}.png", "train/masks/{}.png")
    for seed in range(3):
        write(tmp_path / "test" / "images" / f"t{seed}.png", photo(seed))
    data = FolderDataModule(str(tmp_path))
    assert sum(map(len, names_of(data).values())) == len(NAMES)
    assert data.settled()["parts"] == {"train": "train"}
    assert data.settled()["split"] == "holdout"
    assert "test: its 3 images are in no part of the split, left out" in data.notes


def test_mixed_endings(tmp_path: Path) -> None:
    pairs(tmp_path, "images/{}.png", "masks/{}.png", NAMES[:4])
    pairs(tmp_path, "images/{}.JPG", "masks/{}.bmp", NAMES[4:])
    found = guess(tmp_path)
    assert (found.images, found.masks) == ("images/*.{JPG,png}", "masks/{stem}.{bmp,png}")


def test_a_missing_mask_is_named_and_no_reason_to_give_up(tmp_path: Path) -> None:
    pairs(tmp_path)
    (tmp_path / "masks" / "d4.png").unlink()
    with pytest.raises(DataError, match=r"images/d4\.png: its mask is missing, expected masks/d4\.png"):
        FolderDataModule(str(tmp_path)).setup()


def refused(root: Path) -> list[str]:
    with pytest.raises(DataError) as caught:
        guess(root)
    return str(caught.value).splitlines()


def test_two_folders_of_masks_are_a_choice(tmp_path: Path) -> None:
    pairs(tmp_path, mask="masks/{}.png")
    pairs(tmp_path, mask="labels/{}.png")
    lines = refused(tmp_path)
    assert "images (7 png), labels (7 png), masks (7 png)" in lines[0]
    assert lines[1].split("    ")[0] == "  'datamodule.images=images/*.png' 'datamodule.masks=labels/{stem}.png'"
    assert lines[2].split("    ")[0] == "  'datamodule.images=images/*.png' 'datamodule.masks=masks/{stem}.png'"
    assert len(lines) == 3


def test_two_data_sets_are_a_choice(tmp_path: Path) -> None:
    pairs(tmp_path, "Dataset 1/{}.bmp", "Dataset 1/{}.png")
    pairs(tmp_path, "Dataset 2/{}.bmp", "Dataset 2/{}.png")
    lines = refused(tmp_path)
    assert lines[1].startswith("  'datamodule.images=Dataset 1/*.bmp' 'datamodule.masks=Dataset 1/{stem}.png'")
    assert lines[2].startswith("  'datamodule.images=Dataset 2/*.bmp'")


def test_two_observers_in_one_folder_are_a_choice(tmp_path: Path) -> None:
    pairs(tmp_path, "{}.jpg", "{}_1stHO.png")
    pairs(tmp_path, "{}.jpg", "{}_2ndHO.png")
    lines = refused(tmp_path)
    assert any("'datamodule.masks={stem}_1stHO.png'" in line for line in lines[1:])
    assert any("'datamodule.masks={stem}_2ndHO.png'" in line for line in lines[1:])


def test_several_kinds_of_mask_in_one_folder_are_a_choice(tmp_path: Path) -> None:
    for kind in ("labelIds", "labelTrainIds"):
        pairs(tmp_path, mask=f"gtFine/{{}}_{kind}.png")
    lines = refused(tmp_path)
    kinds = [line.split("gtFine/")[1].split("'")[0] for line in lines[1:]]
    assert kinds == ["{stem}_labelIds.png", "{stem}_labelTrainIds.png"]


def test_masks_in_colours_and_numbers_of_objects_are_no_choice(tmp_path: Path) -> None:
    for kind in ("color", "instanceIds", "labelIds"):
        pairs(tmp_path, mask=f"gtFine/{{}}_{kind}.png")
    assert guess(tmp_path).masks == "gtFine/{stem}_labelIds.png"


def test_equal_names_win_over_longer_ones(tmp_path: Path) -> None:
    pairs(tmp_path, mask="masks/{}.png")
    pairs(tmp_path, mask="masks/{}_preview.png")
    assert guess(tmp_path).masks == "masks/{stem}.png"


def test_numbers_that_do_not_pair_all_files_are_refused(tmp_path: Path) -> None:
    pairs(tmp_path, "images/{}.png", "other/{}.png")
    for number in range(7):
        write(tmp_path / "masks" / f"{number}.png", blocks((0, 1)))
    (tmp_path / "notes.json").write_text("{}")
    lines = refused(tmp_path)
    assert "names do not tell which files are images and which their masks" in lines[0]
    # No line is proposed that would pair nothing.
    assert lines[1] == "  images and masks hold names that do not pair, as a1.png and 0.png"
    assert "say it by patterns of their names" in lines[2]
    assert "1 JSON files: annotations as outlines are not read" in lines[3]


def test_photographs_alone_are_refused(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / f"{name}.jpg", photo(seed))
    lines = refused(tmp_path)
    assert [line for line in lines if "'datamodule." in line] == []
    assert "say it by patterns of their names" in lines[1]


def test_a_folder_of_an_unknown_name_is_proposed_where_its_files_have_the_names_of_images(tmp_path: Path) -> None:
    pairs(tmp_path, "images/{}.png", "lables/{}.png")
    write(tmp_path / "notes" / "sketch.png", photo(1))
    lines = refused(tmp_path)
    assert lines[1:] == ["  'datamodule.images=images/*.png' 'datamodule.masks=lables/{stem}.png'    (7 pairs)"]


def test_images_alone_are_told_where_masks_were_looked_for_and_what_needs_none(tmp_path: Path) -> None:
    for seed, name in enumerate(NAMES):
        write(tmp_path / "scans/images" / f"{name}.png", photo(seed))
    (line,) = refused(tmp_path)
    assert "found no masks, expected a folder of them beside scans/images, such as scans/masks" in line
    assert line.endswith("python -m segexp predict run=<run folder> input=<images>")
    assert "unpaired" not in line


def test_folders_without_images(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no image files, but nothing"):
        guess(tmp_path)
    (tmp_path / "a.txt").write_text("x")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    with pytest.raises(DataError, match=r"holds no image files, but the folder itself \(1 txt\)"):
        guess(tmp_path)
    with pytest.raises(DataError, match=r"^datamodule\.root: no folder .*none; give the folder that holds images and"):
        FolderDataModule(str(tmp_path / "none")).setup()
    with pytest.raises(DataError, match=r"a\.txt: is a file; give the folder"):
        FolderDataModule(str(tmp_path / "a.txt")).setup()


def test_links_to_other_disks_are_followed_and_circles_are_not(tmp_path: Path) -> None:
    pairs(tmp_path / "disk")
    root = tmp_path / "root"
    root.mkdir()
    (root / "images").symlink_to(tmp_path / "disk" / "images")
    (root / "masks").symlink_to(tmp_path / "disk" / "masks")
    (root / "again").symlink_to(root)
    assert guess(root).pairs == len(NAMES)


def test_a_whole_disk_is_no_data_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs(tmp_path)
    monkeypatch.setattr("segexp.data.folder.tree.MOST", 10)
    with pytest.raises(DataError, match="holds more than 10 files"):
        guess(tmp_path)


def test_ten_thousand_files_are_told_apart_by_their_names_alone(tmp_path: Path) -> None:
    files = [name for n in range(5000) for name in (f"images/{n:05d}.jpg", f"masks/{n:05d}_mask.png")]
    found = guess_layout(Tree(tmp_path, tuple(files)), lambda _: pytest.fail("looked into a file"))
    assert (found.masks, found.pairs) == ("masks/{stem}_mask.png", 5000)


def test_seeds_of_names_do_not_matter(tmp_path: Path) -> None:
    names = ["".join(row) for row in np.random.default_rng(0).choice(list("0123456789abcdef"), (9, 10))]
    assert guess(pairs(tmp_path, "images/{}.png", "masks/{}_m.png", names)).masks == "masks/{stem}_m.png"


def test_patients_stay_in_one_part_of_the_split(tmp_path: Path) -> None:
    for number in range(5):
        pairs(tmp_path, f"kaggle/TCGA_{number}/{{}}.tif", f"kaggle/TCGA_{number}/{{}}_mask.tif", NAMES[:3])
    assert guess(tmp_path).lines() == {
        "images": "kaggle/{patient}/*.tif", "masks": "kaggle/{patient}/{stem}_mask.tif", "split_by": "{patient}",
    }  # fmt: skip
    parts = names_of(FolderDataModule(str(tmp_path)))
    patients = [{name.rpartition("_")[0] for name in names} for names in parts.values()]
    assert sum(map(len, parts.values())) == 15
    assert sum(map(len, patients)) == 5 == len(set.union(*patients))
    # Folders of images and of masks below each patient, with parts of a split above.
    for part in ("train", "test"):
        for number in range(4):
            place = f"other/{part}/p{number}"
            pairs(tmp_path, f"{place}/img/{{}}.png", f"{place}/gt/{{}}.png", NAMES[:2])
    found = guess(tmp_path / "other")
    assert (found.images, found.masks) == ("{split}/{patient}/img/*.png", "{split}/{patient}/gt/{stem}.png")
    assert found.pairs == 16


def test_a_folder_for_each_image_as_labelme_makes_them(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        place = tmp_path / f"IMG_{number:04d}_json"
        write(place / "img.png", photo(number))
        write(place / "label.png", blocks((0, 1)))
        write(place / "label_viz.png", photo(50 + number))
        (place / "label_names.txt").write_text(name)
    found = guess(tmp_path)
    assert found.lines() == {"images": "{patient}/img.png", "masks": "{patient}/label.png"}
    assert sum(map(len, names_of(FolderDataModule(str(tmp_path))).values())) == len(NAMES)


@pytest.mark.parametrize("place", ["masks/{}.png", "{}.png", "masks/{}_gt.png"])
def test_masks_named_by_whole_names_of_mixed_images(tmp_path: Path, place: str) -> None:
    for number, name in enumerate(NAMES):
        image = f"{name}.{('jpg', 'png', 'jpeg')[number % 3]}"
        folder = "images/" if "/" in place else ""
        pairs(tmp_path, folder + "{}", place, [image])
    data = FolderDataModule(str(tmp_path))
    assert sum(map(len, names_of(data).values())) == len(NAMES)
    assert data.settled()["masks"] == place.replace("{}", "{file}")


def test_labels_observers_and_fields_of_view(tmp_path: Path) -> None:
    """Of HRF, where the field of view is called a mask; and others that name it."""
    for label, region in (("manual1", "mask"), ("labels", "fov"), ("Ground Truth", "roi masks"), ("mask", "FOV_mask")):
        root = tmp_path / label
        pairs(root, "images/{}.jpg", f"{label}/{{}}.tif")
        for name in NAMES:
            write(root / region / f"{name}_mask.tif", blocks((0, 255, 255)))
        found = guess(root)
        assert (found.images, found.masks) == ("images/*.jpg", f"{label}/{{stem}}.tif")
        assert found.valid == f"{region}/{{stem}}_mask.tif"
    pairs(tmp_path / "alone", "images/{}.png", "roi/{}.png")
    assert guess(tmp_path / "alone").masks == "roi/{stem}.png"


def test_two_observers_are_a_question_with_both_lines(tmp_path: Path) -> None:
    pairs(tmp_path, "stare-images/{}.ppm", "labels-ah/{}.ah.ppm")
    for name in NAMES:
        write(tmp_path / f"labels-vk/{name}.vk.ppm", blocks((0, 255)))
    lines = refused(tmp_path)
    assert lines[1].startswith("  'datamodule.images=stare-images/*.ppm' 'datamodule.masks=labels-ah/{stem}.ah.ppm'")
    assert lines[2].startswith("  'datamodule.images=stare-images/*.ppm' 'datamodule.masks=labels-vk/{stem}.vk.ppm'")
    assert len(lines) == 3


def test_roads_are_maps(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        pairs(tmp_path, f"{part}/sat/{{}}_15.tiff", f"{part}/map/{{}}_15.tif", NAMES[:3])
    assert (guess(tmp_path).images, guess(tmp_path).masks) == ("{split}/sat/*.tiff", "{split}/map/{stem}.tif")


class Trap:
    """Writes a file when it is unpickled."""

    def __reduce__(self) -> object:
        return Path.write_text, (Path("opened"), "x")


def test_arrays_of_objects_are_never_opened(tmp_path: Path) -> None:
    """As Cellpose saves them beside its masks."""
    for number, name in enumerate(NAMES):
        write(tmp_path / f"{name}.tif", photo(number))
        write(tmp_path / f"{name}_cp_masks.png", blocks((0, 1)))
        np.save(tmp_path / f"{name}_seg.npy", np.array({"masks": Trap()}, dtype=object), allow_pickle=True)
    data = FolderDataModule(str(tmp_path))
    names_of(data)
    assert data.settled()["masks"] == "{stem}_cp_masks.png"
    assert any("passed over: 7 .npy files that hold Python objects, as a1_seg.npy" in note for note in data.notes)
    with pytest.raises(DataError, match="an array of Python objects, which is never opened"):
        open_raster(tmp_path / "a1_seg.npy")
    assert not Path("opened").exists()


def test_a_mask_for_each_object_is_told(tmp_path: Path) -> None:
    for number, name in enumerate(NAMES):
        write(tmp_path / "dsb" / name / "images" / f"{name}.png", photo(number))
        for place in range(3):
            write(tmp_path / "dsb" / name / "masks" / f"{number}{place}f.png", blocks((0, 255)))
            write(tmp_path / "flat" / "masks" / f"{name}_{place}.png", blocks((0, 255)))
        write(tmp_path / "flat" / "images" / f"{name}.png", photo(number))
    for root in ("dsb", "flat"):
        text = "\n".join(refused(tmp_path / root))
        assert (
            "one mask for each object, as in the Data Science Bowl, is not read; put those of an image together" in text
        )
        assert ("'datamodule." in text) == (root == "flat")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.npz", b"PK\x03\x04", "1 npz files are not read: archives of several arrays; save each array"),
        ("a.dcm", b"x", "1 dcm files are not read: DICOM files; save each as 16-bit PNG or TIFF"),
        ("a.nii.gz", b"x", "1 gz files are not read"),
    ],
)
def test_kinds_that_are_not_read_are_told_with_the_way_out(
    tmp_path: Path, name: str, content: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match=words):
        guess(tmp_path)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "Git LFS.*git lfs pull"),
        (b"\n <!DOCTYPE html><html>", "a web page.*copy it again"),
        (b"PK\x03\x04abc", "a ZIP archive"),
        (b"\x00\x00\x00\x18ftypheic", "HEIC photograph.*PNG or JPEG"),
        (b"", "it is empty"),
    ],
)
def test_what_bears_the_name_of_an_image_and_is_none(tmp_path: Path, content: bytes, words: str) -> None:
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(DataError, match=f"a.png: cannot be read as an image .*{words}"):
        open_raster(tmp_path / "a.png")


def test_folders_below_those_of_images_may_be_patients(tmp_path: Path) -> None:
    for number in range(3):
        pairs(tmp_path, f"images/p{number}/{{}}.png", f"masks/p{number}/{{}}.png", NAMES[:3])
    data = FolderDataModule(str(tmp_path))
    names_of(data)
    assert any("images lie in 3 folders" in note and "'datamodule.split_by={sub1}'" in note for note in data.notes)
