"""What a GeoTIFF says about its ground."""

import math
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segexp.rasters import open_raster

pytestmark = pytest.mark.filterwarnings("ignore::PendingDeprecationWarning:rasterio")


def write(path: Path, crs: str | None, size: tuple[float, float] = (0.3, 0.3), **options: object) -> None:
    import rasterio
    from rasterio.transform import from_origin

    shape = {"height": 20, "width": 30, "count": 3, "dtype": "uint8"}
    with rasterio.open(
        path, "w", driver="GTiff", crs=crs, transform=from_origin(5e5, 4e6, *size), **shape, **options
    ) as file:
        file.write(np.ones((3, 20, 30), np.uint8))


@pytest.mark.parametrize(
    ("crs", "size", "expected"),
    [
        ("EPSG:32633", (0.3, 0.3), 0.3),
        ("EPSG:32633", (0.2, 0.8), 0.4),
        ("EPSG:2263", (1.0, 1.0), 1200 / 3937),  # New York, US survey feet
        ("EPSG:4326", (1e-5, 1e-5), None),  # degrees
        (None, (0.3, 0.3), None),
    ],
)
def test_pixel_size_in_metres(
    tmp_path: Path, crs: str | None, size: tuple[float, float], expected: float | None
) -> None:
    write(tmp_path / "a.tif", crs, size)
    assert open_raster(tmp_path / "a.tif").pixel_size == (None if expected is None else pytest.approx(expected))


def test_nodata_and_words(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", "EPSG:32633", nodata=0, compress="deflate")
    raster = open_raster(tmp_path / "a.tif")
    assert raster.nodata == 0.0
    assert raster.describe() == "RGB uint8 30x20 GeoTIFF, strips, deflate, 0.3 m per pixel, nodata 0"


def test_a_turned_grid(tmp_path: Path) -> None:
    import rasterio
    from affine import Affine

    turn, side = math.radians(30), 0.5
    a, b = side * math.cos(turn), side * math.sin(turn)
    transform = Affine(a, b, 5e5, b, -a, 4e6)
    shape = {"height": 20, "width": 30, "count": 1, "dtype": "uint8"}
    with rasterio.open(tmp_path / "a.tif", "w", driver="GTiff", crs="EPSG:32633", transform=transform, **shape) as file:
        file.write(np.ones((1, 20, 30), np.uint8))
    assert open_raster(tmp_path / "a.tif").pixel_size == pytest.approx(0.5)


def test_overviews_and_masks_are_no_further_pages(tmp_path: Path) -> None:
    import rasterio

    write(tmp_path / "a.tif", "EPSG:32633", tiled=True, blockxsize=16, blockysize=16)
    with rasterio.open(tmp_path / "a.tif", "r+") as file:
        file.build_overviews([2], rasterio.enums.Resampling.average)
    with tifffile.TiffFile(tmp_path / "a.tif") as file:
        assert len(file.pages) == 2
    assert open_raster(tmp_path / "a.tif").read().shape == (20, 30, 3)


@pytest.mark.parametrize("text", ["nan", "-9999 ", "none"])
def test_odd_nodata(tmp_path: Path, text: str) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.ones((5, 5), np.uint8), extratags=[(42113, "s", 0, text, True)])
    nodata = open_raster(tmp_path / "a.tif").nodata
    assert str(nodata) == {"nan": "nan", "-9999 ": "-9999.0", "none": "None"}[text]
