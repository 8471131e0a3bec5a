"""The script that writes the laboratory's arrays of cells: which images, in which order, what the channels hold."""

import importlib.util
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

from segexp.data.datasets.arrays import ArraysDataModule


@pytest.fixture
def script() -> ModuleType:
    path = Path(__file__).resolve().parents[2] / "examples" / "cells_arrays.py"
    spec = importlib.util.spec_from_file_location("cells_arrays", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_arrays_hold_the_first_images_by_number(script: ModuleType, tmp_path: Path) -> None:
    folder = tmp_path / "Dataset 1"
    folder.mkdir()
    mask = np.array([[0, 128], [255, 255]], np.uint8)
    for number in range(1, 212):
        image = np.full((2, 2, 3), (number % 200, 10, 20), np.uint8)  # blue, green, red, as OpenCV writes them
        cv2.imwrite(str(folder / f"{number:03}.bmp"), image)
        cv2.imwrite(str(folder / f"{number:03}.png"), mask)
    script.write_arrays(folder, tmp_path / "arrays", side=4)
    images, masks, tested = (
        np.load(tmp_path / "arrays" / f"{name}.npy") for name in ("images_training", "seg_training", "images_testing")
    )
    assert (images.shape, masks.shape, tested.shape) == ((180, 4, 4, 3), (180, 4, 4, 2), (27, 4, 4, 3))
    assert images[:, 0, 0].tolist() == [[20, 10, number % 200] for number in range(1, 181)]
    assert tested[:, 0, 0, 2].tolist() == [number % 200 for number in range(181, 208)]
    nucleus = np.kron(mask == 255, np.ones((2, 2)))
    assert np.array_equal(masks[..., 1], np.broadcast_to(nucleus, (180, 4, 4)))
    assert np.array_equal(masks.sum(-1), np.ones((180, 4, 4)))
    data = ArraysDataModule(str(tmp_path / "arrays"))
    data.setup()
    assert sum(len(data.items(phase)) for phase in ("train", "val", "test")) == 180


def test_too_few_images_are_said(script: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="found 0 images"):
        script.write_arrays(tmp_path, tmp_path / "arrays")
