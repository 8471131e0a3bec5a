"""Scores of each group of test images beside those of all."""

from typing import Any

import numpy as np
import pytest
import torch

from segexp.metrics.measures import dataset_scores
from segexp.tasks.subgroups import by_group
from tests.training.runs import go

CLASSES = ("ground", "building")


def counts(*rows: tuple[int, int, int, int]) -> torch.Tensor:
    return torch.tensor(rows).view(-1, 2, 2)


def test_pixels_of_a_group_are_pooled() -> None:
    matrices = counts((90, 5, 5, 10), (50, 0, 10, 40), (0, 0, 100, 0))
    found = by_group(matrices, ["austin", "kitsap", "austin"], CLASSES)
    assert list(found) == ["austin", "kitsap"]
    # By hand: 90 + 0 and 10 + 0 right of 210 pixels; building: 10 / (10 + 5 + 105).
    assert found["austin"]["images"] == 2
    assert found["austin"]["accuracy"] == pytest.approx(100 / 210)
    assert found["austin"]["iou"]["building"] == pytest.approx(10 / 120)
    assert found["kitsap"] == {"images": 1, **dataset_scores(matrices[1:2], CLASSES)}


def test_images_without_a_group_are_in_none() -> None:
    matrices = counts((90, 5, 5, 10), (50, 0, 10, 40))
    assert list(by_group(matrices, [None, "kitsap"], CLASSES)) == ["kitsap"]
    assert by_group(matrices, [None, None], CLASSES) == {}
    assert by_group(matrices, [], CLASSES) == {}


TESTED = ("trainer.max_epochs=1", "metric=none", "bootstrap=0")


def test_every_row_of_a_run_has_its_groups() -> None:
    content = go(*TESTED, "datamodule._target_=tests.training.parts.TwoCities").content
    for row in content["rows"]:
        groups = row["groups"]
        assert [(name, figures["images"]) for name, figures in groups.items()] == [("north", 2), ("south", 1)]
        # All pixels of a vessel scene of one size: the shares of right pixels lie around the pooled one.
        low, high = sorted(figures["accuracy"] for figures in groups.values())
        assert low <= row["dataset"]["accuracy"] <= high
    assert "groups" in content["averaging"]


def test_without_groups_nothing_is_added() -> None:
    content: dict[str, Any] = go(*TESTED).content
    assert all("groups" not in row for row in content["rows"])
    assert "groups" not in content["averaging"]
    assert np.isfinite(content["rows"][0]["dataset"]["accuracy"])
