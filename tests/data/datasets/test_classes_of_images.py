"""Data sets with a class for each image: allidb, image_folder and cifar."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.datasets.allidb import AllIdbDataModule
from segexp.data.datasets.cells import find_cell_images
from segexp.data.datasets.cifar import RECORD, CifarDataModule
from segexp.data.datasets.image_folder import ImageFolderDataModule
from segexp.data.files import FilesDataModule
from segexp.data.splits.rules import PHASES
from segexp.data.synthetic.labelled import write_allidb, write_cifar
from segexp.errors import ConfigError, DataError
from tests.data.made import read, write


def labels(data: FilesDataModule) -> dict[str, str]:
    """Class of each image by name."""
    return {item.name: data.spec.classes[int(item.target)] for phase in PHASES for item in data.items(phase)}


def parts(data: FilesDataModule) -> dict[str, set[str]]:
    return {phase: {item.name for item in data.items(phase)} for phase in PHASES}


def picture(seed: int, *shape: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, shape or (20, 24, 3), dtype=np.uint8)


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for number in range(6):
        write(tmp_path / "cat" / f"{number}.png", picture(number))
        write(tmp_path / "dog" / "deep" / f"{number}.png", picture(10 + number, 18, 20))
    return tmp_path


# ---- image_folder


def test_folders_of_a_segmentation_are_no_classes_without_a_word(photos: Path) -> None:
    assert not any("datamodule=folder" in note for note in ImageFolderDataModule(str(photos)).listing().notes)
    for number in range(4):
        write(photos / "own" / "images" / f"{number}.png", picture(number))
        write(photos / "own" / "masks" / f"{number}_mask.png", picture(10 + number))
    (note,) = ImageFolderDataModule(str(photos / "own")).listing().notes
    assert note == (
        "the classes are called images and masks, and 4 of 4 images have a file of their name among the masks: if "
        f"these are masks, write datamodule=folder datamodule.root={photos / 'own'} without task=classification"
    )
    with pytest.raises(DataError, match=f"holds images, masks, which datamodule=folder .*{photos / 'own'} reads"):
        find_cell_images(photos / "own", 1)


def test_folders_name_the_classes_at_any_depth(photos: Path) -> None:
    (photos / "empty").mkdir()
    (photos / "cat" / "notes.txt").write_text("nothing")
    write(photos / "stray.png", picture(99))
    data = ImageFolderDataModule(str(photos), image_size=16)
    data.setup()
    assert data.spec.classes == ("cat", "dog")
    assert labels(data) == {f"cat/{n}": "cat" for n in range(6)} | {f"dog/deep/{n}": "dog" for n in range(6)}
    assert {item.image.shape for item in data.items("train")} == {(16, 16, 3)}  # RGB and grey are mixed
    assert any(note.endswith("empty: holds no image, so it is not used") for note in data.notes)
    assert any("1 images lie in no folder of a class, as stray.png" in note for note in data.notes)
    assert data.settled() == {"split": "holdout", "channels": "rgb"}
    # Shorter sides of the files: half have 20x24 pixels, half 18x20.
    assert data.describe()["file_sides"] == [18, 20, 20]
    kinds = [{name.partition("/")[0] for name in names} for names in parts(data).values()]
    assert kinds == [{"cat", "dog"}] * 3


def test_images_that_differ_by_their_ending_keep_it(photos: Path) -> None:
    write(photos / "cat" / "0.bmp", picture(50))
    data = ImageFolderDataModule(str(photos), image_size=16)
    assert {"cat/0.png", "cat/0.bmp", "cat/1"} <= set(labels(data))


def test_folders_of_parts_are_an_official_split(tmp_path: Path) -> None:
    for place, (part, count) in enumerate((("Train", 6), ("test", 3))):
        for kind in ("a", "b"):
            for number in range(count):
                seed = 100 * place + 10 * (kind == "b") + number
                write(tmp_path / part / kind / f"{number}.png", picture(seed))
    data = ImageFolderDataModule(str(tmp_path), image_size=8, val_fraction=0.3)
    found = parts(data)
    assert data.settled()["split"] == "official"
    assert found["test"] == {f"test/{kind}/{n}" for kind in "ab" for n in range(3)}
    assert all(name.startswith("Train/") for name in found["train"] | found["val"])
    assert data.spec.classes == ("a", "b")


def test_a_table_names_classes_and_keeps_patients_together(tmp_path: Path) -> None:
    lines = ["file,kind,patient"]
    for number in range(12):
        write(tmp_path / "all" / f"{number}.png", picture(number))
        lines.append(f"{number}.png,{'sick' if number % 2 else 'well'},p{number // 3}")
    (tmp_path / "t.csv").write_text("\n".join(lines))
    keys: dict[str, Any] = {"table": "t.csv", "table_class": "kind", "image_size": 8}
    data = ImageFolderDataModule(str(tmp_path), split_by="patient", classes=["well", "sick"], **keys)
    assert labels(data) == {f"all/{n}": "sick" if n % 2 else "well" for n in range(12)}
    for names in parts(data).values():
        patients = {int(name.partition("/")[2]) // 3 for name in names}
        assert len(names) == 3 * len(patients)
    for wrong, message in (
        ({"table_class": "kinds"}, r"has no column 'kinds'\. Did you mean 'kind'\?"),
        ({"split_by": "patients"}, r"found 'patients', expected folder or a column .* Did you mean 'patient'\?"),
        ({"table": "none.csv"}, "no file"),
    ):
        with pytest.raises(DataError, match=message):
            ImageFolderDataModule(str(tmp_path), **{**keys, **wrong}).setup()


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"classes": ["cat", "dogs"]}, r"holds no image of 'dogs'\. Did you mean 'dog'\?"),
        ({"classes": ["cat"]}, "found the class cat alone, expected two"),
        ({"split": "official"}, "found official, but neither folders train, val and test"),
    ],
)
def test_what_does_not_fit_is_refused(photos: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ImageFolderDataModule(str(photos), image_size=8, **keys).setup()


def test_a_folder_without_classes_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "1.png", picture(1))
    with pytest.raises(DataError, match=r"holds no image in a folder of its class; expected .*<class>"):
        ImageFolderDataModule(str(tmp_path)).setup()


def test_images_of_other_classes_are_left_out(photos: Path) -> None:
    write(photos / "owl" / "0.png", picture(70))
    data = ImageFolderDataModule(str(photos), image_size=8, classes=["dog", "cat"])
    assert data.spec.classes == ("dog", "cat")
    assert len(labels(data)) == 12
    assert any("1 images of classes that are not asked for are left out: owl" in note for note in data.notes)


# ---- allidb


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_patches_of_a_field_stay_together(tmp_path: Path, seed: int) -> None:
    write_allidb(tmp_path, fields=8, side=48)
    data = AllIdbDataModule(str(tmp_path), image_size=24, split_seed=seed)
    known = dict(line.split(",") for line in (tmp_path / "ALL_IDB2/fields.csv").read_text().split()[1:])
    fields = {phase: {known[name] for name in names} for phase, names in parts(data).items()}
    assert not fields["train"] & fields["test"]
    assert not fields["train"] & fields["val"]
    assert not fields["val"] & fields["test"]
    assert labels(data) == {name: ("healthy", "lymphoblast")[int(name[-1])] for name in known}
    assert data.describe()["split_by"] == "field"
    assert data.describe()["file_sides"] == [48, 48, 48]
    assert data.items("train")[0].image.shape == (24, 24, 3)


def test_the_genuine_set_is_split_by_patch_which_is_said(tmp_path: Path) -> None:
    write_allidb(tmp_path, fields=5, side=48)
    (tmp_path / "ALL_IDB2" / "fields.csv").unlink()
    data = AllIdbDataModule(str(tmp_path / "ALL_IDB2"), classes=["red", "white"])
    data.setup()
    assert data.spec.classes == ("red", "white")
    assert any("patches are split one by one" in note for note in data.notes)
    assert data.describe()["split_by"] == "patch"


def test_faults_of_allidb_are_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"datamodule\.classes: found 3 names, expected 2"):
        AllIdbDataModule(str(tmp_path), classes=["a", "b", "c"])
    with pytest.raises(DataError, match="ALL_IDB2/img: no such folder"):
        AllIdbDataModule(str(tmp_path)).setup()
    write_allidb(tmp_path, fields=5, side=48)
    table = tmp_path / "ALL_IDB2" / "fields.csv"
    table.write_text(table.read_text().replace("Im003_1,Im003_1\n", ""))
    with pytest.raises(DataError, match=r"fields\.csv: no field for patch Im003_1"):
        AllIdbDataModule(str(tmp_path)).setup()
    table.write_text("a,b\n1,2\n")
    with pytest.raises(DataError, match="cannot be read as a table with the columns patch and field"):
        AllIdbDataModule(str(tmp_path)).setup()


# ---- cifar


def test_records_of_cifar_are_images_with_their_classes(tmp_path: Path) -> None:
    write_cifar(tmp_path, count=30, tests=20)
    data = CifarDataModule(str(tmp_path))
    data.setup()
    assert len(data.items("test")) == 20
    assert data.spec.classes[3] == "cat"
    item = data.items("test")[13]
    assert item.name == "test_batch_00013"
    raw = np.fromfile(tmp_path / "cifar-10-batches-bin" / "test_batch.bin", np.uint8).reshape(-1, RECORD)[13]
    assert int(item.target) == raw[0] == 3
    np.testing.assert_array_equal(item.image, np.moveaxis(raw[1:].reshape(3, 32, 32), 0, -1))
    assert sum(map(len, parts(data).values())) == 80
    assert len(CifarDataModule(str(tmp_path / "cifar-10-batches-bin"), split="holdout").items("test")) == 16


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("data_batch_1.bin", lambda content: content[:-7], "found 92183 bytes, expected a multiple of 3073"),
        ("data_batch_2.bin", lambda content: b"\x0a" + content[1:], "found class 10, expected 0 to 9"),
        ("test_batch.bin", None, r"test_batch\.bin: no such file, which datamodule\.split=official tests"),
    ],
)
def test_files_that_are_none_of_cifar_are_refused(tmp_path: Path, name: str, change: Any, message: str) -> None:
    write_cifar(tmp_path, count=30, tests=20)
    path = tmp_path / "cifar-10-batches-bin" / name
    if change is None:
        path.unlink()
    else:
        path.write_bytes(change(path.read_bytes()))
    with pytest.raises(DataError, match=message):
        CifarDataModule(str(tmp_path)).setup()


def test_pixels_are_those_of_the_files(photos: Path) -> None:
    data = ImageFolderDataModule(str(photos), image_size=None, crop_size=8, channels="rgb")
    item = next(item for phase in PHASES for item in data.items(phase) if item.name == "cat/2")
    np.testing.assert_array_equal(item.image, read(photos / "cat" / "2.png"))
    assert "file_sides" not in data.describe()


def test_images_that_are_enlarged_are_noted_with_the_size_that_leaves_them(photos: Path) -> None:
    (photos / "dog" / "deep" / "5.png").unlink()
    sizes = {40: "images of 20 pixels a side are enlarged 2 times to datamodule.image_size=40, which", 39: None}
    for size, words in sizes.items():
        data = ImageFolderDataModule(str(photos), image_size=size)
        data.setup()
        notes = [note for note in data.notes if "enlarged" in note]
        assert [note.startswith(words or "") for note in notes] == ([] if words is None else [True])
