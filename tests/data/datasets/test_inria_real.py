"""The real crops of Inria, where they are."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.inria import InriaDataModule
from segexp.data.splits.rules import PHASES

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data" / "inria_crops"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "512" / "images").is_dir(), reason=f"the real crops of Inria are not in {ROOT}"),
]


@pytest.mark.parametrize(("folder", "count", "tiles"), [("512", 11, 4), ("256", 10, 5)])
def test_crops_of_a_tile_stay_together(folder: str, count: int, tiles: int) -> None:
    tested: list[str] = []
    for fold in range(tiles):
        data = InriaDataModule(str(ROOT / folder), split="kfold", folds=tiles, fold=fold, crop_size=250)
        units = {phase: {item.name.split("_")[0] for item in data.items(phase)} for phase in PHASES}
        assert len(set.union(*units.values())) == sum(map(len, units.values())) == tiles
        assert sum(len(data.items(phase)) for phase in PHASES) == count
        tested += [item.name for item in data.items("test")]
    assert len(tested) == len(set(tested)) == count


@pytest.mark.parametrize("folder", ["512", "256"])
def test_masks_are_buildings_whether_grey_or_rgb(folder: str) -> None:
    data = InriaDataModule(str(ROOT / folder), split="holdout", crop_size=250)
    for item in (item for phase in PHASES for item in data.items(phase)):
        assert item.image.shape == (int(folder), int(folder), 3)
        assert set(np.unique(item.target)) == {0, 1}
        # Measured once: 6 to 49 % of a crop is building.
        assert 0.05 < (item.target == 1).mean() < 0.5
    assert data.notes == []
