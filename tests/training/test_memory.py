"""Memory goes back around large images."""

from pathlib import Path

import numpy as np
import pytest
import torch

from segexp.evaluation import memory
from segexp.evaluation.memory import ReleaseMemory
from segexp.rasters import close_files, open_raster
from segexp.rasters.handles import HANDLES, release_image_memory


def test_pages_of_files_go_back_with_it(tmp_path: Path) -> None:
    close_files()
    np.save(tmp_path / "a.npy", np.zeros((64, 64), np.uint8))
    raster = open_raster(tmp_path / "a.npy")
    raster.read()
    assert HANDLES.total > 0
    release_image_memory(100)
    assert HANDLES.total > 0, "a small image"
    release_image_memory(5000**2)
    assert HANDLES.total == 0
    assert raster.read().max() == 0, "the map is still there"


def test_callback_is_told_the_size_of_every_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[int] = []
    monkeypatch.setattr(memory, "release_image_memory", told.append)
    callback = ReleaseMemory()
    callback.on_validation_batch_start(None, None, {"image": torch.zeros(1, 3, 4, 5)}, 0)
    callback.on_validation_end(None, None)
    callback.on_test_batch_start(None, None, {"image": torch.zeros(2, 3, 3, 5)}, 0)
    callback.on_test_end(None, None)
    assert told == [20, 20, 30, 30]
