"""GeoTIFFs of our own, read by others."""

from pathlib import Path

import numpy as np
import pytest
import tifffile

from segexp.data.synthetic.georeferenced import write_georeferenced
from segexp.rasters import open_raster


@pytest.mark.parametrize("channels", [1, 3])
def test_gdal_sees_the_same_ground(tmp_path: Path, channels: int) -> None:
    rasterio = pytest.importorskip("rasterio", reason="the extra geo is not installed")
    pixels = np.random.default_rng(0).integers(0, 256, (30, 50, channels), dtype=np.uint8)
    write_georeferenced(
        tmp_path / "a.tif", pixels[..., 0] if channels == 1 else pixels, 32616, (500_000.0, 4_500_000.0), 0.3
    )
    with rasterio.open(tmp_path / "a.tif") as file:
        assert file.crs.to_epsg() == 32616
        assert file.res == (0.3, 0.3)
        assert (file.bounds.left, file.bounds.top) == (500_000.0, 4_500_000.0)
        assert np.array_equal(file.read().transpose(1, 2, 0), pixels)


def test_strips_are_uncompressed_and_mapped(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (40, 5000, 3), dtype=np.uint8)
    write_georeferenced(tmp_path / "a.tif", pixels, 32616, (0.0, 0.0), 0.3)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        page = file.pages.first
        assert (int(page.compression), page.is_tiled, page.rowsperstrip) == (1, False, 1)  # as GDAL writes wide images
    raster = open_raster(tmp_path / "a.tif")
    assert raster.mapped
    assert raster.pixel_size == pytest.approx(0.3)
    assert np.array_equal(raster.window(10, 4000, 20, 900), pixels[10:30, 4000:4900])
