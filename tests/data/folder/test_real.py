"""Real data sets given only as folders, where they are; figures were measured once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from segexp.data.datasets.cells import CellsDataModule
from segexp.data.datasets.drive import DriveDataModule
from segexp.data.folder import FolderDataModule
from segexp.errors import DataError
from segexp.spec import IGNORED
from tests.data.folder.parts import everything, names_of

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"

pytestmark = [pytest.mark.real, pytest.mark.skipif(not DATA.is_dir(), reason=f"the real data sets are not in {DATA}")]

SETS = [
    ("DRIVE/training", [14, 2, 4], (256, 15), {0: "background", 255: "foreground"}, 0.1254),
    ("inria_crops/512", [8, 1, 2], (256, 25), {0: "background", 255: "foreground"}, 0.2986),
    ("inria_crops/256", [7, 1, 2], (256, 29), {0: "background", 255: "foreground"}, 0.2437),
    ("cells/Dataset 1", [163, 29, 48], (128, 2), {0: "class_0", 128: "class_1", 255: "class_2"}, None),
    ("TGS/train", [680, 120, 200], (128, 1), {0: "background", 65535: "foreground"}, None),
]


@pytest.mark.parametrize(("folder", "sizes", "crops", "values", "share"), SETS, ids=[row[0] for row in SETS])
def test_nothing_but_the_folder(
    folder: str, sizes: list[int], crops: tuple[int, int], values: dict[int, str], share: float | None
) -> None:
    data = FolderDataModule(str(DATA / folder), crops_total=2, loader={"batch_size": 2})
    assert [len(names) for names in names_of(data).values()] == sizes
    assert data.crop_size == crops[0]
    assert data.settled()["crops_per_image"] == crops[1]
    assert data.settled()["mask_values"] == values
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (2, 3, crops[0], crops[0])
    assert data.notes[0].startswith("guessed from names: ")
    assert any(note.startswith("to fix what was guessed, add: ") for note in data.notes)
    if share is not None:
        masks = [item.target for item in everything(data).values()]
        counted = sum(int((mask != IGNORED).sum()) for mask in masks)
        assert sum(int((mask == 1).sum()) for mask in masks) / counted == pytest.approx(share, abs=2e-2)


def test_drive_is_read_as_its_own_data_set_reads_it() -> None:
    own = DriveDataModule(str(DATA / "DRIVE"), split="holdout", crops_total=2)
    own.setup()
    expected = {item.name: item for phase in ("train", "val", "test") for item in own.items(phase)}  # type: ignore[arg-type]
    found = everything(FolderDataModule(str(DATA / "DRIVE" / "training")))
    assert len(found) == len(expected) == 20
    for name, item in found.items():
        # {id} is the number; the stem is the name.
        assert np.array_equal(item.image, expected[name].image)
        assert np.array_equal(item.target, expected[name].target)


def test_cells_are_read_as_their_own_data_set_reads_them() -> None:
    own = CellsDataModule(str(DATA / "cells"), crop_size=128, pad_to_crop=True)
    own.setup()
    expected = {item.name: item for phase in ("train", "val", "test") for item in own.items(phase)}  # type: ignore[arg-type]
    keys: dict[str, Any] = {
        "images": "Dataset 1/*.bmp",
        "masks": "Dataset 1/{stem}.png",
        "mask_values": {0: "background", 128: "cytoplasm", 255: "nucleus"},
        "table": "Class Labels of Dataset 1.csv",
        "stratum": "{class label}",
    }
    found = everything(FolderDataModule(str(DATA / "cells"), **keys))
    assert len(found) == len(expected) == 240
    for name, item in found.items():
        match = next(other for key, other in expected.items() if key.endswith(name))
        assert np.array_equal(item.image, match.image)
        assert np.array_equal(item.target, match.target)


def test_crops_of_a_tile_stay_together() -> None:
    data = FolderDataModule(str(DATA / "inria_crops" / "512"), split_by="{stem:[a-z-]+[0-9]+}", group="{stem:[a-z-]+}")
    where: dict[str, set[str]] = {}
    for phase, names in names_of(data).items():
        for name in names:
            where.setdefault(name.split("_")[0], set()).add(phase)
    assert {len(phases) for phases in where.values()} == {1}
    assert {item.group for item in everything(data).values()} == {"austin"}


@pytest.mark.parametrize(
    ("folder", "lines"),
    [
        (
            "inria_crops",
            ["'datamodule.images=256/images/*.png' 'datamodule.masks=256/gt/{stem}.png'", "512/gt"],
        ),
        ("cells", ["'datamodule.images=Dataset 1/*.bmp'", "'datamodule.masks=Dataset 2/{stem}.png'"]),
        ("ALL_IDB_layout", ["names do not tell which files are images and which their masks"]),
    ],
)
def test_what_is_refused(folder: str, lines: list[str]) -> None:
    with pytest.raises(DataError) as caught:
        FolderDataModule(str(DATA / folder)).setup()
    assert all(line in str(caught.value) for line in lines)
