"""A loss whose weights come from the training images or change from epoch to epoch, in whole runs."""

import numpy as np
import pytest

from segexp.data.base import Items
from segexp.data.datasets.synthetic import SyntheticDataModule
from segexp.data.items.item import Item
from segexp.errors import DataError
from segexp.spec import IGNORED
from segexp.training.building.datamodule import build_datamodule
from tests.training.resuming.test_resume import assert_same, interrupted
from tests.training.runs import composed, folders, go

CHANGING = ("loss=bce_boundary", "loss.terms.bce.pos_weight=auto", "loss.weights.boundary={end: 0.41, epochs: 4}")


class NoForegroundInTrain(SyntheticDataModule):
    """Training images without a vessel."""

    def read(self) -> Items:
        items = super().read()
        return {**items, "train": [Item(item.name, item.image, np.zeros_like(item.target)) for item in items["train"]]}


def test_weights_follow_the_epoch_in_training_and_validation_and_after_a_resume() -> None:
    straight = go("trainer.max_epochs=4", *CHANGING)
    assert [row["epoch"] for row in straight.rows] == ["0", "1", "2", "3"]
    for epoch, row in enumerate(straight.rows):
        for phase in ("train", "val"):
            bce, boundary = float(row[f"{phase}/loss/bce"]), float(row[f"{phase}/loss/boundary"])
            assert boundary != 0
            wanted = bce + (0.01 + 0.1 * epoch) * boundary
            assert float(row[f"{phase}/loss"]) == pytest.approx(wanted, rel=1e-4), (phase, epoch)
    assert_same(straight, go("trainer.max_epochs=4", *CHANGING, f"resume={interrupted(*CHANGING)}"))


def test_computed_weights_stand_in_the_record_and_come_from_training_images_alone() -> None:
    overrides = ("loss=bce_jaccard", "loss.terms.bce.pos_weight=auto", "trainer.max_epochs=1")
    done = go(*overrides)
    experiment = composed(*overrides)
    datamodule = build_datamodule(experiment.datamodule, experiment.augment)
    masks = [item.target for item in datamodule.items("train")]
    foreground = sum(int((mask == 1).sum()) for mask in masks)
    valid = sum(int((mask != IGNORED).sum()) for mask in masks)
    wanted = pytest.approx((valid - foreground) / foreground)
    assert done.record["loss"]["terms"] == {"bce": {"pos_weight": wanted}}
    assert f"'pos_weight': {done.record['loss']['terms']['bce']['pos_weight']}" in (done.path / "log.txt").read_text()


def test_given_weights_are_not_in_the_record() -> None:
    done = go("loss=bce", "loss.pos_weight=2", "trainer.max_epochs=1")
    assert done.record["loss"] == {"name": "segexp.losses.bce.BCE"}
    assert "from the training images" not in (done.path / "log.txt").read_text()


def test_a_class_that_training_never_shows_leaves_no_run_behind() -> None:
    target = "datamodule._target_=tests.training.test_changing_loss.NoForegroundInTrain"
    with pytest.raises(DataError, match="vessel: no pixel in any of the 4 training images"):
        go("loss=bce", "loss.pos_weight=auto", target)
    assert not folders()
