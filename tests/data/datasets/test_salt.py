"""Salt images on generated files: channels, masks of 8 and 16 bits, empty masks, faults."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.salt import SaltDataModule
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.generate import generate
from segexp.errors import DataError
from tests.data.made import read, write


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twenty images of 40x40, eight of them empty."""
    folder = tmp_path_factory.mktemp("data") / "salt"
    generate("buildings", "salt", folder, count=20, size=40, seed=0)
    return folder


@pytest.fixture
def root(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "salt"))


def make(root: Path, **keys: object) -> SaltDataModule:
    data = SaltDataModule(str(root), crop_size=48, pad_to_crop=True, **keys)  # type: ignore[arg-type]
    data.setup()
    return data


def first(root: Path, part: str = "masks", *, empty: bool = False) -> Path:
    """The first image or mask of those that are empty, or of those that are not."""
    path = next(p for p in sorted((root / "masks").iterdir()) if bool(read(p).any()) is not empty)
    return root / part / path.name


def test_one_channel_and_two_kinds_of_masks(intact: Path) -> None:
    data = make(intact)
    assert (data.spec.in_channels, data.spec.out_channels, data.spec.classes) == (1, 1, ("background", "salt"))
    kinds = set()
    for item in (item for phase in PHASES for item in data.items(phase)):
        stored = read(intact / "masks" / f"{item.name}.png")
        kinds.add(stored.dtype.name)
        assert np.array_equal(item.image, read(intact / "images" / f"{item.name}.png")[..., :1])
        assert np.array_equal(item.target, stored > 0)
    assert kinds == {"uint8", "uint16"}


def test_three_channels_for_pretrained_encoders(intact: Path) -> None:
    data = make(intact, channels=3, cache="none", normalize="imagenet")
    for item in data.items("test"):
        assert np.array_equal(item.image, read(intact / "images" / f"{item.name}.png"))
        assert item.window(3, 4, 5, 6)[0].shape == (5, 6, 3)
    assert next(iter(data.train_dataloader()))["image"].shape[1:] == (3, 48, 48)


def test_files_saved_as_grey_or_with_8_bits_are_the_same_data(intact: Path, root: Path) -> None:
    for path in (root / "images").iterdir():
        write(path, read(path)[..., 0])
    for path in (root / "masks").iterdir():
        write(path, (read(path) > 0) * np.uint8(255))
    for channels in (1, 3):
        pairs = zip(
            make(intact, channels=channels).items("test"), make(root, channels=channels).items("test"), strict=True
        )
        for one, other in pairs:
            assert one.name == other.name
            assert np.array_equal(one.image, other.image)
            assert np.array_equal(one.target, other.target)


def test_empty_masks_are_counted_and_spread(intact: Path) -> None:
    data = make(intact, test_fraction=0.25, val_fraction=0.333)
    assert "8 masks are empty: 4 of 10 in train, 2 of 5 in val, 2 of 5 in test" in data.notes
    for phase in PHASES:
        assert sum(not item.target.any() for item in data.items(phase)) == {"train": 4, "val": 2, "test": 2}[phase]
    for fold in range(4):
        assert any("2 of 5 in test" in note for note in make(intact, split="kfold", folds=4, fold=fold).notes)


def test_training_samples_are_padded_and_test_images_are_not(intact: Path) -> None:
    data = make(intact)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape[1:] == (1, 48, 48)
    assert ((batch["target"] != 255).sum(dim=(1, 2)) == 40 * 40).all()
    assert next(iter(data.test_dataloader()))["image"].shape == (1, 1, 40, 40)


def test_the_folder_above_train_is_found_and_tables_are_optional(root: Path) -> None:
    (root / "train").mkdir()
    for part in ("images", "masks"):
        (root / part).rename(root / "train" / part)
    assert len(make(root).items("test")) == 4
    with (root / "train.csv").open("a") as file:
        file.write("0123456789,\nabcdef0123,1 4\n")
    (root / "depths.csv").write_text("id,z\n")
    assert f"{root}/train.csv: 2 of 22 images in it are not there" in make(root).notes
    (root / "train.csv").write_text("name\nx\n")
    assert f"{root}/train.csv: not used, it is no table with a column id" in make(root).notes
    (root / "train.csv").unlink()
    assert not any("csv" in note for note in make(root).notes)


def test_an_empty_image_is_no_error_and_constant_images_are_kept(root: Path) -> None:
    path = first(root, "images", empty=True)
    write(path, np.full((40, 40, 3), 7, np.uint8))
    assert path.stem in {item.name for phase in PHASES for item in make(root).items(phase)}


FAULTS: dict[str, tuple[Callable[[Path], object], str]] = {
    "no root": (shutil.rmtree, r"datamodule\.root: no folder {root}; give the folder that holds images/ and masks/"),
    "no images": (
        lambda root: (root / "images").rename(root / "pictures"),
        r"{root}/images: no such folder \(datamodule\.root={root} holds masks, pictures, train\.csv, "
        r"which datamodule=folder datamodule\.root={root} reads\)",
    ),
    "empty folder": (
        lambda root: [path.unlink() for path in (root / "images").iterdir()],
        r"{root}/images: no image named \*\.png",
    ),
    "no masks": (lambda root: shutil.rmtree(root / "masks"), r"{root}/images/\w+\.png: its mask is missing, expected"),
    "no mask": (
        lambda root: first(root).unlink(),
        r"{root}/images/(\w+)\.png: its mask is missing, expected {root}/masks/\1\.png$",
    ),
    "no image": (lambda root: first(root, "images").unlink(), r"{root}/masks/\w+\.png: belongs to no image$"),
    "another size": (
        lambda root: write(first(root), read(first(root))[:-8]),
        r"{root}/masks/(\w+)\.png: 32x40 pixels, but its image {root}/images/\1\.png has 40x40",
    ),
    "truncated image": (
        lambda root: first(root, "images").write_bytes(first(root, "images").read_bytes()[:200]),
        r"{root}/images/\w+\.png: cannot be read as an image \(200 bytes; ",
    ),
    "no mask at all": (
        lambda root: first(root).write_bytes(b"<html>404</html>"),
        r"{root}/masks/\w+\.png: cannot be read as an image",
    ),
    "nearly black in 16 bits": (
        lambda root: write(first(root), (read(first(root)) > 0) * np.uint16(255)),
        r"{root}/masks/\w+\.png: mask values 255 fit no class \(legal: 0, 65535\); copy it again",
    ),
    "grey in 8 bits": (
        lambda root: write(first(root), (read(first(root)) > 0) * np.uint8(128)),
        r"{root}/masks/\w+\.png: mask values 128 fit no class \(legal: 0, 255\); copy it again",
    ),
    "colour": (
        lambda root: write(first(root, "images"), np.arange(4800, dtype=np.uint8).reshape(40, 40, 3)),
        r"{root}/images/\w+\.png: a colour image, expected grey values",
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


def test_bad_files_are_left_out_on_request(root: Path) -> None:
    path = first(root)
    path.write_bytes(path.read_bytes()[:60])
    data = make(root, on_bad="skip")
    assert sum(len(data.items(phase)) for phase in PHASES) == 19
    assert [entry["image"] for entry in data.skipped] == [path.stem]
    assert any(note.startswith("8 masks are empty: ") for note in data.notes)


def test_check_counts_empty_masks_too(intact: Path) -> None:
    assert any(note.startswith("8 masks are empty: ") for note in SaltDataModule(str(intact)).find().notes)
    assert not SaltDataModule(str(intact / "nowhere")).find().notes
