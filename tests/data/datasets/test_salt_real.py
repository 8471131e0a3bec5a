"""The real salt images, where they are."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.salt import SaltDataModule
from segexp.data.splits.rules import PHASES

ROOT = Path(__file__).resolve().parents[4] / "shared" / "data" / "TGS"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (ROOT / "train").is_dir(), reason=f"the real salt images are not in {ROOT}"),
]


def test_a_thousand_images_of_which_391_are_empty() -> None:
    data = SaltDataModule(str(ROOT), crop_size=128, pad_to_crop=True)
    data.setup()
    assert {phase: len(data.items(phase)) for phase in PHASES} == {"train": 680, "val": 120, "test": 200}
    assert "391 masks are empty: 266 of 680 in train, 47 of 120 in val, 78 of 200 in test" in data.notes
    items = [item for phase in PHASES for item in data.items(phase)]
    assert {(item.image.shape, item.image.dtype.name) for item in items} == {((101, 101, 1), "uint8")}
    salt = np.mean([item.target.mean() for item in items])
    # Measured once: a quarter of the pixels is salt.
    assert salt == pytest.approx(0.2496, abs=1e-3)
    batch = next(iter(data.train_dataloader()))
    assert batch["image"].shape == (16, 1, 128, 128)
