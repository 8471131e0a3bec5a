"""The values of a mask with their counts."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.data.labels.label_keys import propose_named_line
from segexp.data.labels.label_map import count_values
from segexp.rasters import open_raster
from tests.rasters.files import ALL, PALETTE, palette, tiff


def of(path: Path) -> list[list[int]]:
    return count_values(open_raster(path, raw=True)).tolist()


def test_8_and_16_bits(tmp_path: Path) -> None:
    grey = np.zeros((700, 10), np.uint16)
    grey[:3, :5], grey[600:, 9] = 65535, 300  # in more than one strip of rows
    Image.fromarray(grey).save(tmp_path / "a.png")
    np.save(tmp_path / "a.npy", grey.astype(np.int64) - 5)
    assert of(tmp_path / "a.png") == [[0, 6885], [300, 100], [65535, 15]]
    assert of(tmp_path / "a.npy") == [[-5, 6885], [295, 100], [65530, 15]]
    Image.fromarray((grey > 0).astype(np.uint8)).save(tmp_path / "b.png")
    assert of(tmp_path / "b.png") == [[0, 6885], [1, 115]]


def test_colours_and_grey_as_rgb(tmp_path: Path) -> None:
    classes = np.array([[0, 1, 1], [2, 2, 2]])
    Image.fromarray(PALETTE[classes]).save(tmp_path / "rgb.png")
    assert of(tmp_path / "rgb.png") == [[0, 0, 0, 1], [0, 255, 0, 3], [255, 0, 0, 2]]
    Image.fromarray(np.dstack([(classes * 100).astype(np.uint8)] * 3)).save(tmp_path / "grey.png")
    assert of(tmp_path / "grey.png") == [[0, 1], [100, 2], [200, 3]]


def test_one_hot_and_palette(tmp_path: Path) -> None:
    classes = np.array([[0, 1, 1], [3, 3, 3]])
    tiff(np.eye(4, dtype=np.uint8)[classes])(tmp_path / "hot.tif")
    assert of(tmp_path / "hot.tif") == [[0, 0, 0, 1, 3], [0, 1, 0, 0, 2], [1, 0, 0, 0, 1]]
    indices = palette(tmp_path / "a.gif")
    assert of(tmp_path / "a.gif") == [[index, int((indices == index).sum())] for index in range(5)]


@pytest.mark.parametrize("name", ["strips.tif", "lzw.tif", "grey.png", "deep.png", "bool.npy", "labels.pgm"])
def test_every_pixel_counts_once(tmp_path: Path, name: str) -> None:
    written = ALL[name](tmp_path / name)
    found = count_values(open_raster(tmp_path / name, raw=True))
    assert found.dtype == np.int64
    values, counts = np.unique(written.reshape(-1, written.shape[2]), axis=0, return_counts=True)
    assert found.tolist() == np.column_stack([values.astype(np.int64), counts]).tolist()


def test_classes_without_a_value_are_proposed_first() -> None:
    """Those of a model that is tested on a folder which shows some of them in other colours."""
    names = ("black", "green", "red")
    assert propose_named_line([7, 9], {0: 0, 255: 2}, names, is_colour=False) == "'{0:black,7:green,9:class_3,255:red}'"
    assert (
        propose_named_line([7], {0: 0, 1: 1, 255: 2}, names, is_colour=False) == "'{0:black,1:green,7:class_3,255:red}'"
    )
