import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from segexp.data.datasets.cells import CellsDataModule
from segexp.data.datasets.cells_from_cam import CellsFromCamDataModule
from segexp.errors import ConfigError, DataError


@pytest.fixture
def keys(tmp_path: Path) -> dict[str, Any]:
    return CellsFromCamDataModule.write_example(tmp_path)


def test_patches_train_and_the_same_cells_are_tested(keys: dict[str, Any]) -> None:
    made = CellsFromCamDataModule(**keys, patch_scale=1.0)
    cells = CellsDataModule(keys["cells"], crop_size=16)
    tested = [item.name for item in made.items("test")]
    assert tested == [item.name for item in cells.items("test")]
    assert all(item.name.startswith("patch_") for phase in ("train", "val") for item in made.items(phase))
    assert len(made.items("train")) + len(made.items("val")) == len(list(Path(keys["root"], "images").iterdir()))
    full = CellsFromCamDataModule(**keys, train_on="truth", patch_scale=1.0)
    assert [item.name for item in full.items("test")] == tested
    assert [item.name for item in full.items("train")] == [item.name for item in cells.items("train")]
    assert made.spec.classes == ("background", "cell")


def test_cells_get_the_size_of_those_in_the_patches(keys: dict[str, Any]) -> None:
    """Patches at half their size: pseudo-masks lack the border of each cell, and are a little smaller."""
    whole = CellsFromCamDataModule(**keys, patch_scale=1.0)
    whole.setup()
    half = CellsFromCamDataModule(**keys, patch_scale=0.5)
    half.setup()
    assert 0.7 < whole.factor < 1
    assert half.factor == whole.factor / 2
    name = half.items("test")[0].name
    number = name.removeprefix("set1_")
    drawn = np.asarray(Image.open(Path(keys["cells"]) / "Dataset 1" / f"{number}.png"))
    item = half.items("test")[0]
    assert item.shape == tuple(round(side * half.factor) for side in drawn.shape)
    assert set(np.unique(item.target)) == {0, 1}
    assert (item.target == 1).mean() == pytest.approx((drawn > 0).mean(), abs=0.05)
    patch = half.items("train")[0]
    assert 16 <= max(patch.shape) <= 24
    assert set(np.unique(patch.target)) == {0, 1, 255}
    asked = CellsFromCamDataModule(**keys, scale=2.0)
    asked.setup()
    assert asked.describe()["scale"] == 2.0
    assert asked.items("test")[0].shape == tuple(2 * side for side in drawn.shape)


def test_masks_that_show_nothing_are_refused(keys: dict[str, Any]) -> None:
    for path in (Path(keys["root"]) / "masks").iterdir():
        Image.fromarray(np.zeros_like(np.asarray(Image.open(path)))).save(path)
    with pytest.raises(DataError, match="masks shows a cell; train a better classifier"):
        CellsFromCamDataModule(**keys).setup()
    shutil.rmtree(Path(keys["root"]) / "images")
    with pytest.raises(DataError, match=r"no image named \*\.png; write them with localize"):
        CellsFromCamDataModule(**keys).setup()


def test_without_drawn_masks_patches_are_tested(keys: dict[str, Any]) -> None:
    made = CellsFromCamDataModule(keys["root"], crop_size=16)
    assert all(item.name.startswith("patch_") for phase in ("train", "val", "test") for item in made.items(phase))
    assert any("figures speak of pseudo-masks" in note for note in made.notes)
    with pytest.raises(ConfigError, match=r"datamodule\.cells: must be given"):
        CellsFromCamDataModule(keys["root"], train_on="truth")
