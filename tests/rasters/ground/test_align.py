"""Where images lie, by tags and by the files beside them; masks are brought into line or refused."""

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image
from rasterio import Affine

from segexp.data.checks.orientation import note_mirrored
from segexp.data.items.stored import FileMask, StoredItem, ValidMask
from segexp.data.labels.label_map import LabelMap
from segexp.errors import PlaceError
from segexp.rasters import MirroredRaster, open_raster
from segexp.rasters.ground.align import locate_raster
from segexp.rasters.ground.location import GroundLocation

HEIGHT, WIDTH = 24, 31
NORTH = Affine(0.3, 0, 500_000, 0, -0.3, 5_000_000)
TRUTH = np.random.default_rng(3).integers(0, 2, (HEIGHT, WIDTH)).astype(np.uint8)


def tiff(path: Path, pixels: np.ndarray, transform: Affine, crs: str | None = "EPSG:32633", **more: Any) -> Path:
    height, width = pixels.shape
    options = {"driver": "GTiff", "height": height, "width": width, "count": 1, "dtype": "uint8", **more}
    with rasterio.open(path, "w", crs=crs, transform=transform, **options) as file:
        file.write(pixels, 1)
    return path


def item(image: Path, mask: Path, valid: Path | None = None) -> StoredItem:
    source: Any = FileMask(open_raster(mask, raw=True), LabelMap({0: 0, 1: 1}, 2))
    if valid is not None:
        source = ValidMask(source, open_raster(valid))
    return StoredItem("a", open_raster(image), source)


def south(transform: Affine) -> Affine:
    return transform @ Affine(1, 0, 0, 0, -1, HEIGHT)


def east(transform: Affine) -> Affine:
    return transform @ Affine(-1, 0, WIDTH, 0, 1, 0)


@pytest.mark.parametrize("how", ["same", "south", "east", "both"])
def test_masks_in_another_direction_are_mirrored(tmp_path: Path, how: str) -> None:
    image = tiff(tmp_path / "a.tif", TRUTH * np.uint8(9), NORTH)
    pixels, transform = TRUTH, NORTH
    if how in ("south", "both"):
        pixels, transform = pixels[::-1], south(transform)
    if how in ("east", "both"):
        pixels, transform = pixels[:, ::-1], east(transform)
    found = item(image, tiff(tmp_path / "m.tif", np.ascontiguousarray(pixels), transform))
    assert np.array_equal(found.target, TRUTH)
    assert np.array_equal(found.class_window(3, 5, 7, 11), TRUTH[3:10, 5:16])
    assert [note.split(":")[0].split(" masks")[0] for note in note_mirrored([found])] == (
        [] if how == "same" else ["1"]
    )
    # Both from south to north: nothing to do.
    assert np.array_equal(item(tmp_path / "m.tif", tmp_path / "m.tif").target, pixels)


def test_files_of_validity_are_mirrored_too(tmp_path: Path) -> None:
    image, mask = tiff(tmp_path / "a.tif", TRUTH, NORTH), tiff(tmp_path / "m.tif", TRUTH, NORTH)
    inside = np.zeros_like(TRUTH)
    inside[:5] = 1
    found = item(image, mask, tiff(tmp_path / "v.tif", np.ascontiguousarray(inside[::-1]), south(NORTH)))
    assert np.array_equal(found.target, np.where(inside, TRUTH, 255))
    assert isinstance(found.target_source.valid, MirroredRaster)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("transform", "crs"),
    [
        (NORTH @ Affine.translation(0.5, 0), "EPSG:32633"),
        (NORTH @ Affine.translation(0, -1), "EPSG:32633"),
        (NORTH @ Affine.scale(1.03), "EPSG:32633"),
        (NORTH @ Affine.rotation(3), "EPSG:32633"),
        (Affine(0.3, 0, 510_000, 0, -0.3, 4_995_000), "EPSG:32633"),
        (NORTH, "EPSG:32632"),
        (NORTH, "EPSG:4326"),
    ],
)
def test_other_places_are_refused_with_both(tmp_path: Path, transform: Affine, crs: str) -> None:
    image = tiff(tmp_path / "a.tif", TRUTH, NORTH)
    mask = tiff(tmp_path / "m.tif", TRUTH, transform, crs)
    with pytest.raises(PlaceError) as caught:
        item(image, mask)
    text = str(caught.value)
    assert text.startswith(f"{mask}: lies at x ")
    assert (
        f"its image {image} at x 500000 to 500009.3, y 4999992.8 to 5000000, pixels of 0.3 x -0.3, EPSG:32633" in text
    )


@pytest.mark.parametrize("shift", [0.0, 0.49, -0.3])
def test_less_than_half_a_pixel_is_rounding(tmp_path: Path, shift: float) -> None:
    image = tiff(tmp_path / "a.tif", TRUTH, NORTH)
    found = item(image, tiff(tmp_path / "m.tif", TRUTH, NORTH @ Affine.translation(shift, shift)))
    assert np.array_equal(found.target, TRUTH)


def test_who_says_nothing_is_not_asked(tmp_path: Path) -> None:
    image = tiff(tmp_path / "a.tif", TRUTH, NORTH)
    Image.fromarray(TRUTH).save(tmp_path / "m.png")
    assert np.array_equal(item(image, tmp_path / "m.png").target, TRUTH)
    # Now it says something.
    (tmp_path / "m.pgw").write_text("0.3\n0\n0\n-0.3\n500003.15\n4999999.85\n")
    with pytest.raises(PlaceError):
        item(image, tmp_path / "m.png")


def test_centres_of_pixels(tmp_path: Path) -> None:
    """A GeoTIFF may give the place of centres (PixelIsPoint)."""
    points = tiff(tmp_path / "p.tif", TRUTH, NORTH)
    with rasterio.open(points, "r+") as file:
        file.update_tags(AREA_OR_POINT="Point")
    place = locate_raster(open_raster(points))
    assert place is not None
    assert place.transform == pytest.approx(tuple(NORTH)[:6])
    assert place.epsg == 32633


WORLD = "0.5\n0\n0\n-0.25\n100.25\n199.875\n"
EXPECTED = (0.5, 0.0, 100.0, 0.0, -0.25, 200.0)


@pytest.mark.parametrize(
    ("name", "world"),
    [
        ("a.tif", "a.tfw"), ("a.tif", "a.TFW"), ("a.tiff", "a.tfw"), ("a.tif", "a.wld"), ("a.jpg", "a.jgw"),
        ("a.jpeg", "a.jgw"), ("a.png", "a.pgw"), ("a.png", "a.pngw"), ("b c.d.png", "b c.d.pgw"), ("a.bmp", "a.bpw"),
    ],
)  # fmt: skip
def test_world_files(tmp_path: Path, name: str, world: str) -> None:
    Image.fromarray(TRUTH).save(tmp_path / name)
    assert locate_raster(open_raster(tmp_path / name)) is None
    (tmp_path / world).write_text(WORLD)
    assert locate_raster(open_raster(tmp_path / name)) == GroundLocation(EXPECTED)
    (tmp_path / world).write_text("no numbers")
    assert locate_raster(open_raster(tmp_path / name)) is None
    (tmp_path / world).write_text("0\n0\n0\n0\n5\n5\n")
    assert locate_raster(open_raster(tmp_path / name)) is None


def test_systems_beside_an_image(tmp_path: Path) -> None:
    Image.fromarray(TRUTH).save(tmp_path / "a.png")
    wkt = rasterio.CRS.from_epsg(32633).to_wkt()
    (tmp_path / "a.pgw").write_text(WORLD)
    (tmp_path / "a.prj").write_text(wkt)
    assert locate_raster(open_raster(tmp_path / "a.png")) == GroundLocation(EXPECTED, 32633, wkt)
    with rasterio.open(tmp_path / "b.png", "w", driver="PNG", height=HEIGHT, width=WIDTH, count=1, dtype="uint8",
                       crs="EPSG:25832", transform=NORTH) as file:  # fmt: skip
        file.write(TRUTH, 1)
    assert (tmp_path / "b.png.aux.xml").is_file()
    place = locate_raster(open_raster(tmp_path / "b.png"))
    assert place is not None
    assert (place.transform, place.epsg) == (pytest.approx(tuple(NORTH)[:6]), 25832)


@pytest.mark.parametrize("part", ["<GeoTransform>", "<SRS", "<SRS>", "</SRS>"])
def test_a_neighbour_that_begins_the_same_element_again_and_again(part: str, tmp_path: Path) -> None:
    """A megabyte of it took minutes."""
    Image.fromarray(TRUTH).save(tmp_path / "a.png")
    (tmp_path / "a.png.aux.xml").write_text(part * (2**20 // len(part)))
    started = time.process_time()
    assert locate_raster(open_raster(tmp_path / "a.png")) is None
    assert time.process_time() - started < 1


@pytest.mark.parametrize("text", ["nan", "inf", "-inf", "-9999", "1e38", "300", "0.5", "", "no"])
def test_numbers_that_no_pixel_can_have(tmp_path: Path, text: str, caplog: pytest.LogCaptureFixture) -> None:
    tifffile.imwrite(tmp_path / "a.tif", TRUTH, metadata=None, extratags=[(42113, "s", 0, text, True)])
    assert open_raster(tmp_path / "a.tif").missing_number is None
    assert caplog.records == []


def test_a_number_that_pixels_can_have(tmp_path: Path) -> None:
    for dtype, number in (("uint8", 255), ("uint16", 65535), ("uint16", 300)):
        tags = [(42113, "s", 0, f"{number}.0", True)]
        tifffile.imwrite(tmp_path / "a.tif", TRUTH.astype(dtype), metadata=None, extratags=tags)
        assert open_raster(tmp_path / "a.tif").missing_number == number
