"""Damaged copies of DRIVE: every message names the file or key and says what was expected."""

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.drive import DriveDataModule
from segexp.data.synthetic.generate import generate
from segexp.errors import ConfigError, DataError, UserError
from tests.data.made import read, write

TIF, MANUAL, FOV = (
    "training/images/22_training.tif",
    "training/1st_manual/22_manual1.gif",
    "training/mask/22_training_mask.gif",
)
SECOND = "test/2nd_manual/01_manual2.gif"


def remove(name: str) -> Callable[[Path], None]:
    return lambda root: (root / name).unlink()


def cut_off(name: str, size: int) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:size]) and None


def replace(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda root: (root / name).write_bytes(content) and None


def smaller(name: str) -> Callable[[Path], None]:
    return lambda root: write(root / name, read(root / name)[:-8])


def stray(name: str, value: int) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        array = read(root / name)
        array[20, 20] = value
        write(root / name, array)

    return change


def empty(name: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        shutil.rmtree(root / name)
        (root / name).mkdir()

    return change


FAULTS: dict[str, tuple[Callable[[Path], None], str]] = {
    "no root": (shutil.rmtree, r"datamodule\.root: no folder {root}; give the folder that holds DRIVE's training/"),
    "no training": (
        lambda root: (root / "training").rename(root / "train"),
        r"{root}/training: no such folder \(datamodule\.root={root} holds test, train\)",
    ),
    "no test": (
        lambda root: shutil.rmtree(root / "test"),
        r"{root}/test: no such folder .*; datamodule\.split=holdout needs only training/",
    ),
    "empty root": (empty(""), r"{root}/training: no such folder .* holds nothing\)"),
    "empty images": (empty("training/images"), r"{root}/training/images: no image named NN_training\.tif; is"),
    "no images": (lambda root: shutil.rmtree(root / "training/images"), r"{root}/training/images: no image named"),
    "no manual": (remove(MANUAL), rf"{{root}}/{TIF}: its vessels is missing, expected {{root}}/{MANUAL}"),
    "no field of view": (remove(FOV), rf"{{root}}/{TIF}: its field of view is missing, expected {{root}}/{FOV}"),
    "no image": (
        remove(TIF),
        rf"{{root}}/{MANUAL}: belongs to no image\n{{root}}/{FOV}: belongs to no image",
    ),
    "manual of another size": (smaller(MANUAL), rf"{{root}}/{MANUAL}: 40x48 pixels, but its image .*{TIF} has 48x48"),
    "field of view of another size": (smaller(FOV), rf"{{root}}/{FOV}: 40x48 pixels, but its image .* has 48x48"),
    "second observer of another size": (smaller(SECOND), rf"{{root}}/{SECOND}: 40x48 pixels, but its image"),
    "truncated image": (cut_off(TIF, 3000), rf"{{root}}/{TIF}: cannot be read as an image \(3000 bytes; .*truncated"),
    "truncated mask": (cut_off(MANUAL, 40), rf"{{root}}/{MANUAL}: cannot be read as an image \(40 bytes; "),
    "empty image": (replace(TIF, b""), rf"{{root}}/{TIF}: cannot be read as an image \(0 bytes; "),
    "text": (replace(TIF, b"<html>404</html>"), rf"{{root}}/{TIF}: cannot be read as an image .*copy it again"),
    "stray value": (
        stray(MANUAL, 128),
        rf"{{root}}/{MANUAL}: mask values 128 fit no class .*datamodule\.mask_values='\{{{{0:0,128:1,255:1\}}}}'$",
    ),
    "stray value in the field of view": (
        stray(FOV, 128),
        rf"{{root}}/{FOV}: mask values 128 fit no class \(legal: 0, 255\); copy it again from its source$",
    ),
    "stray value of the second observer": (stray(SECOND, 9), rf"{{root}}/{SECOND}: mask values 9 fit no class"),
}


@pytest.fixture(scope="module")
def intact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intact") / "DRIVE"
    generate("vessels", "drive", folder, count=6, size=48, seed=0)
    return folder


@pytest.fixture
def root(intact: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(intact, tmp_path / "DRIVE"))


def test_the_intact_copy_is_read(root: Path) -> None:
    data = DriveDataModule(str(root))
    data.setup()
    assert data.notes == []
    assert [len(data.items(phase)) for phase in ("train", "val", "test")] == [2, 1, 3]


@pytest.mark.parametrize("fault", FAULTS)
def test_the_message_names_the_file_and_what_to_do(root: Path, fault: str) -> None:
    change, pattern = FAULTS[fault]
    change(root)
    with pytest.raises(DataError) as caught:
        DriveDataModule(str(root)).setup()
    assert re.search("^" + pattern.format(root=re.escape(str(root))), str(caught.value), re.DOTALL), caught.value
    assert caught.value.exit_code == 2
    assert isinstance(caught.value, UserError)


def test_all_missing_partners_are_named_at_once(root: Path) -> None:
    for name in (MANUAL, FOV, "training/1st_manual/21_manual1.gif"):
        (root / name).unlink()
    with pytest.raises(DataError) as caught:
        DriveDataModule(str(root)).setup()
    assert len(str(caught.value).splitlines()) == 3


def test_crop_larger_than_the_image(root: Path) -> None:
    for path in sorted((root / "training").rglob("22_*")):
        write(path, read(path)[:40])
    with pytest.raises(
        ConfigError, match=r"^datamodule\.crop_size: found 44, but 22_training has 40x48 pixels; .* 40, or datamodule"
    ):
        DriveDataModule(str(root), crop_size=44, split="kfold", folds=3, fold=_fold_that_trains("22", root)).setup()
    DriveDataModule(str(root), crop_size=40).setup()


def _fold_that_trains(number: str, root: Path) -> int:
    for fold in range(3):
        data = DriveDataModule(str(root), split="kfold", folds=3, fold=fold, loader={"batch_size": 1})
        if any(item.name.startswith(number) for item in data.items("train")):
            return fold
    raise AssertionError("no fold trains on it")


def test_too_few_images_for_three_parts(root: Path) -> None:
    for number in ("22", "23"):
        for path in sorted((root / "training").rglob(f"{number}_*")):
            path.unlink()
    with pytest.raises(DataError, match="4 images leave none for train; give more images or other fractions"):
        DriveDataModule(str(root)).setup()


def test_grey_images_become_three_channels(root: Path) -> None:
    grey = np.full((48, 48), 90, np.uint8)
    write(root / TIF, grey)
    found = {i.name: i for phase in ("train", "val") for i in DriveDataModule(str(root)).items(phase)}  # type: ignore[arg-type]
    assert np.array_equal(found["22_training"].image, np.repeat(grey[..., None], 3, axis=2))
