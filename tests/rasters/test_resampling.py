from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from segexp.rasters import open_raster
from segexp.rasters.resampling import ResampledRaster, axis_weights


@pytest.fixture
def photo() -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, (61, 83, 3), dtype=np.uint8)
    Image.fromarray(pixels).save("photo.png")
    return Path("photo.png")


@pytest.mark.parametrize(("length", "size"), [(7, 3), (3, 7), (300, 120), (1, 5), (5, 1), (1, 1)])
def test_every_new_position_is_a_mean_and_every_old_one_counts(length: int, size: int) -> None:
    first, weights = axis_weights(length, size)
    assert first == 0
    assert weights.shape == (size, length)
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-6)
    assert (weights.sum(axis=0) > 0).all()


def test_an_axis_that_keeps_its_length_keeps_its_values() -> None:
    np.testing.assert_array_equal(axis_weights(9, 9).weights, np.eye(9, dtype=np.float32))


def test_a_part_has_the_weights_of_the_whole() -> None:
    _, whole = axis_weights(300, 120)
    first, part = axis_weights(300, 120, 40, 13)
    np.testing.assert_allclose(part, whole[40:53, first : first + part.shape[1]], atol=1e-7)
    assert np.count_nonzero(whole[40:53]) == np.count_nonzero(part)


@pytest.mark.parametrize("size", [(24, 33), (100, 150), (61, 83), (1, 1)])
def test_pixels_are_those_of_pillow(photo: Path, size: tuple[int, int]) -> None:
    found = ResampledRaster(open_raster(photo), *size).read().astype(int)
    with Image.open(photo) as image:
        expected = np.asarray(image.resize(size[::-1], Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(found - expected).max() <= 1


def test_a_window_has_the_pixels_of_the_whole(photo: Path) -> None:
    raster = ResampledRaster(open_raster(photo), 24, 33)
    np.testing.assert_array_equal(raster.window(5, 7, 11, 20), raster.read()[5:16, 7:27])


def test_sixteen_bits_stay_sixteen_bits() -> None:
    pixels = np.full((20, 20), 60_001, np.uint16)
    Image.fromarray(pixels).save("deep.png")
    raster = ResampledRaster(open_raster(Path("deep.png")), 7, 7)
    assert raster.read().dtype == np.uint16
    assert set(raster.read().ravel()) == {60_001}
