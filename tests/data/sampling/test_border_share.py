"""How much of turned and zoomed samples lies beyond the border: by hand, as drawn, and in the notes of a training."""

from pathlib import Path

import numpy as np
import pytest

from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.item import Item
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.border_share import beyond_notes, share_beyond
from segexp.data.sampling.crop_locations import RandomLocations
from segexp.data.sampling.samples import RandomCrops


def crops(augment: Augment, size: int | None, side: int = 60, count: int = 400) -> RandomCrops:
    blank = Item("blank", np.zeros((side, side, 3), np.uint8), np.zeros((side, side), np.uint8))
    return RandomCrops(RandomLocations([blank], count, size), size, augment, 0, redraw=True)


@pytest.mark.parametrize("size", [15, 30, 59])
def test_the_share_is_what_the_samples_hold_and_what_geometry_says(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.data.sampling.border_share.SAMPLES", 400)
    made = crops(Augment(scale=1e-9), size)
    share = share_beyond(made, size)
    assert share == pytest.approx(np.mean([(made[0, n]["target"] == 255).mean() for n in range(400)]))
    # A window at a random pixel reaches over both borders of a side by a quarter of its share of it, on the mean.
    assert share == pytest.approx(1 - (1 - size / 60 / 4) ** 2, abs=0.03)


def test_without_turning_or_for_smaller_images_nothing_is_lost() -> None:
    assert share_beyond(crops(Augment(), 60), 60) == 0.0
    assert share_beyond(crops(Augment(rotate=90.0), 80), 80) == 0.0
    assert list(beyond_notes(crops(Augment(rotate=180.0), 10))) == []


def test_the_note_says_how_much_and_what_to_do() -> None:
    (note,) = beyond_notes(crops(Augment(rotate=180.0, scale=0.2), 56))
    assert note.startswith("4") and "% of the pixels of training samples lie beyond the border" in note
    assert "(crops of 56 pixels with augment.rotate=180, augment.scale=0.2): datamodule.crop_size=28 loses 2" in note
    assert "augment=d4" in note
    (note,) = beyond_notes(crops(Augment(rotate=180.0, scale=0.5), None))
    assert "(whole images with augment.rotate=180, augment.scale=0.5): augment=d4" in note
    assert "crop_size" not in note


def test_a_training_notes_it(elsewhere: Path) -> None:
    keys = {"size": 48, "train_images": 3, "val_images": 1, "test_images": 1, "crop_size": 44}
    data = SyntheticDataModule(augment=Augment(rotate=180.0), **keys)  # type: ignore[arg-type]
    data.setup()
    assert any("beyond the border" in note for note in data.notes)
    data = SyntheticDataModule(**keys)  # type: ignore[arg-type]
    data.setup()
    assert data.notes == []
