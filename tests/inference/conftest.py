"""Trained runs that the tests of this folder start from."""

import contextlib
from pathlib import Path

import pytest

from tests.training.conftest import Finished, finished, settings_of_torch
from tests.training.runs import Done, go

__all__ = ["Finished", "finished", "settings_of_torch"]


def trained(folder: Path, *overrides: str) -> Done:
    """A tiny run below ``folder``."""
    with contextlib.chdir(folder):
        return go("bootstrap=0", "baselines=false", "metric=[]", "trainer.max_epochs=1", *overrides)


@pytest.fixture(scope="session")
def second(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """A run on the classes of ``finished`` with another model."""
    return trained(tmp_path_factory.mktemp("second"), "datamodule.scene=buildings", "model.base=3", "seed=1")


@pytest.fixture(scope="session")
def cells(tmp_path_factory: pytest.TempPathFactory) -> Done:
    """Three classes, scaled by each image's own statistics."""
    return trained(
        tmp_path_factory.mktemp("cells"), "datamodule.scene=cells", "datamodule.normalize=image", "loss=ce", "tta=flips"
    )
