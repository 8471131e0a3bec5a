from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from segexp.inference.pixels import ArrayRaster
from segexp.rasters.resampling import ResampledRaster
from segexp.windows import resampling
from segexp.windows.resampling import resample, resample_bands, resample_image

SIZES = [(30, 40), (120, 200), (61, 83), (7, 90), (1, 1)]


@pytest.fixture
def maps() -> torch.Tensor:
    return torch.rand((2, 3, 61, 83), generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("size", SIZES)
def test_it_is_the_antialiased_interpolation_of_torch(maps: torch.Tensor, size: tuple[int, int]) -> None:
    expected = F.interpolate(maps, size, mode="bilinear", antialias=True)
    torch.testing.assert_close(resample(maps, *size), expected, atol=1e-5, rtol=0)


def test_probabilities_stay_probabilities(maps: torch.Tensor) -> None:
    found = resample(maps.softmax(dim=1), 200, 31)
    assert found.min() >= 0
    torch.testing.assert_close(found.sum(dim=1), torch.ones(2, 200, 31))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("band", [1, 5, 61])
def test_bands_give_the_whole(
    maps: torch.Tensor, size: tuple[int, int], band: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = resample(maps, *size)
    monkeypatch.setattr(resampling, "BAND", 9 * size[1])
    rows = list(resample_bands(torch.split(maps, band, dim=2), 61, *size))
    assert all(part.shape[2] <= 9 for part in rows)
    torch.testing.assert_close(torch.cat(rows, dim=2), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("size", [(26, 35), (104, 141), (30, 41)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_an_image_in_memory_has_the_pixels_of_the_file_and_of_its_windows(
    dtype: type[np.unsignedinteger[Any]], size: tuple[int, int]
) -> None:
    """A mean of a half and more is rounded alike, whatever the products that it comes from."""
    pixels = np.random.default_rng(1).integers(0, np.iinfo(dtype).max, (61, 83, 3), dtype, endpoint=True)
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    found = resample_image(image, *size)
    assert found.dtype == image.dtype
    raster = ResampledRaster(ArrayRaster(pixels), *size)
    np.testing.assert_array_equal(found[0].permute(1, 2, 0).numpy(), raster.read())
    rows = [raster.window(top, 0, min(7, size[0] - top), size[1]) for top in range(0, size[0], 7)]
    np.testing.assert_array_equal(np.concatenate(rows), raster.read())


def test_a_half_goes_up() -> None:
    image = torch.arange(8, dtype=torch.uint8).view(1, 1, 1, 8)
    assert resample_image(image, 1, 4).tolist() == [[[[1, 3, 5, 6]]]]  # the middle two are 2.5 and 4.5
