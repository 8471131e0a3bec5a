"""A task's own target in a checkpoint is a class like any other that a stored file names; names of 0.1 still work."""

import importlib
from pathlib import Path

import pytest
import torch

from segexp.config.signatures.task_figures import check_watched, own_figures, watched_direction
from segexp.errors import ConfigError, DataError, StoredError
from segexp.inference.load import load_member
from segexp.runs.checkpoints import find_sources
from segexp.tasks.segmentation import Segmentation
from tests.training.runs import Done, go

COUNTING = "tests.tasks.counting.counting.Counting"


@pytest.fixture
def done() -> Done:
    return go("trainer.max_epochs=1", "metric=none", "bootstrap=0")


def with_target(done: Done, target: dict[str, object]) -> Path:
    content = torch.load(done.path / "checkpoints" / "best.ckpt", weights_only=True)
    content["segexp"]["spec"]["target"] = target
    torch.save(content, "other.ckpt")
    return Path("other.ckpt")


def test_a_target_of_another_package_needs_trust(done: Done) -> None:
    plain = {"_target_": "tests.tasks.counting.counting.ValueTarget", "what": "cells"}
    (source,) = find_sources(with_target(done, plain), "best")
    with pytest.raises(StoredError, match=r"target\._target_: .* 'trust=\[tests\]'"):
        load_member(source)
    assert load_member(source, trust=["tests"]).module.spec.kind == "counting"


@pytest.mark.parametrize("name", ["os.system", "torch.nn.Conv2d", "segexp.spec.DataSpec", "nothing.at.all"])
def test_what_is_no_target_is_not_imported(done: Done, name: str) -> None:
    (source,) = find_sources(with_target(done, {"_target_": name}), "best")
    with pytest.raises((StoredError, DataError)):
        load_member(source, trust=["os"])


def test_figures_of_a_task_are_read_from_its_source() -> None:
    assert own_figures(COUNTING) == {"mae": "min", "rmse": "min"}
    assert own_figures("segexp.tasks.segmentation.Segmentation") is None
    assert watched_direction("val/mae", COUNTING) == watched_direction("val/loss", COUNTING) == "min"
    assert watched_direction("val/miou", "segexp.tasks.segmentation.Segmentation") == "max"
    check_watched("val/loss/some_term", COUNTING, None)
    for name in ("val/miou", "test/mae", "val/loss/some_term"):
        with pytest.raises(ConfigError, match=r"nothing is logged as .*Valid names are val/mae, val/rmse, val/loss"):
            check_watched(name, COUNTING, None, ())


def test_the_module_is_found_under_its_old_name() -> None:
    with pytest.warns(FutureWarning, match="SegmentationModule is called Segmentation since version"):
        assert importlib.import_module("segexp.modules.segmentation").SegmentationModule is Segmentation
