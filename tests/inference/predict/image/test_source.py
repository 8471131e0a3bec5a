"""Where a GeoTIFF has no data, whatever says so."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio

from segexp import load
from segexp.inference.predict.image.source import ImageSource
from tests.inference.conftest import Finished
from tests.inference.predict.made import geotiff, noise


@pytest.mark.parametrize(
    ("channels", "profile", "asks_gdal"),
    [
        (3, {"nodata": 7}, False),
        (3, {"nodata": None}, False),
        # The numbers of a palette are not those that are shown.
        (1, {"nodata": 7, "photometric": "palette"}, True),
        (4, {"photometric": "rgb", "alpha": "yes"}, True),
    ],
)
def test_missing_as_gdal_sees_it(finished: Finished, channels: int, profile: dict[str, Any], asks_gdal: bool) -> None:
    pixels = noise(40, 60, channels)
    pixels[5:9, 10:30] = 7
    pixels[5, 10, 0] = 8
    if channels == 4:
        pixels[..., 3] = np.where((pixels == 7).all(axis=2), 0, 255)
    path = geotiff(Path("a.tif"), pixels, **profile)
    if channels == 1:
        with rasterio.open(path, "r+") as dataset:
            dataset.write_colormap(1, {number: (number, 0, 255 - number, 255) for number in range(256)})
    with rasterio.open(path) as dataset:
        expected = dataset.dataset_mask() == 0
    source = ImageSource(path, load(finished.path))
    assert source.ground is not None
    assert source.ground.masked == asks_gdal
    found = source.missing(3, 30)
    assert expected.any() == (profile.get("nodata", 7) is not None)
    np.testing.assert_array_equal(np.zeros((30, 60), bool) if found is None else found, expected[3:33])
