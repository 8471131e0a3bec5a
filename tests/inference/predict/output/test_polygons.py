import json
import warnings
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyogrio
import pytest
import rasterio
import shapely
from PIL import Image
from shapely.geometry import shape

from segexp.cli.app import run
from segexp.inference.predict.output.polygons import write_polygons
from tests.inference.conftest import Finished
from tests.inference.predict.made import TRANSFORM, geotiff, noise

CLASSES = ("ground", "roof", "tree")
MASK = np.zeros((20, 30, 1), np.uint8)
MASK[2:12, 3:13] = 1
MASK[4:6, 5:8] = 0  # a hole
MASK[12:14, 13:16] = 2
MASK[18:, 28:] = 255


def features(path: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(path.read_text())["features"]
    return found


def test_outlines_have_the_areas_of_their_pixels(tmp_path: Path) -> None:
    mask = geotiff(tmp_path / "mask.tif", MASK, nodata=255)
    assert write_polygons(mask, tmp_path / "a.geojson", CLASSES, "geojson") == 2
    roof, tree = sorted(features(tmp_path / "a.geojson"), key=lambda feature: feature["properties"]["class"])
    assert roof["properties"] == {"class": "roof", "area_px": 94, "area_m2": pytest.approx(94 * 0.09)}
    assert tree["properties"]["area_px"] == 6
    geometry = shape(roof["geometry"])
    assert geometry.is_valid
    assert geometry.area == pytest.approx(94 * 0.09)
    assert len(geometry.interiors) == 1
    left, bottom, right, top = geometry.bounds
    assert (left, top) == pytest.approx(TRANSFORM @ (3, 2))
    assert (right, bottom) == pytest.approx(TRANSFORM @ (13, 12))
    assert "EPSG::32633" in (tmp_path / "a.geojson").read_text()
    # Read back by a program that knows the format.
    meta, _, found, _ = pyogrio.raw.read(tmp_path / "a.geojson")
    assert meta["crs"] == "EPSG:32633"
    assert len(found) == 2


def test_a_picture_gives_pixels(tmp_path: Path) -> None:
    Image.fromarray(MASK[..., 0]).save(tmp_path / "mask.png")
    write_polygons(tmp_path / "mask.png", tmp_path / "a.geojson", CLASSES, "geojson")
    roof = next(f for f in features(tmp_path / "a.geojson") if f["properties"]["class"] == "roof")
    assert roof["properties"] == {"class": "roof", "area_px": 94}
    assert shape(roof["geometry"]).bounds == (3, 2, 13, 12)


def test_pixels_that_touch_at_a_corner_are_one_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of noise, where every way to touch occurs, also itself around holes: as many features as objects, all valid."""
    monkeypatch.setattr("segexp.inference.predict.output.tracing.AT_ONCE", 80 * 7)  # bands of seven rows
    mask = np.random.default_rng(0).choice(np.array([0, 1, 2, 255], np.uint8), (60, 80), p=[0.4, 0.35, 0.2, 0.05])
    geotiff(tmp_path / "mask.tif", mask[..., None])
    count = write_polygons(tmp_path / "mask.tif", tmp_path / "a.geojson", CLASSES, "geojson")
    found = features(tmp_path / "a.geojson")
    assert count == len(found)
    for number in (1, 2):
        _, _, stats, _ = cv2.connectedComponentsWithStats((mask == number).astype(np.uint8), connectivity=8)
        mine = [f for f in found if f["properties"]["class"] == CLASSES[number]]
        assert sorted(f["properties"]["area_px"] for f in mine) == sorted(stats[1:, cv2.CC_STAT_AREA])
        drawn = rasterio.features.rasterize([f["geometry"] for f in mine], mask.shape, transform=TRANSFORM)
        np.testing.assert_array_equal(drawn == 1, mask == number)
    assert all(shape(f["geometry"]).is_valid for f in found)
    assert {f["geometry"]["type"] for f in found} == {"Polygon", "MultiPolygon"}


def test_objects_in_parts_simplified_in_a_geopackage_without_a_place(tmp_path: Path) -> None:
    """Nor is there a warning of pyogrio about it."""
    mask = np.zeros((20, 20), np.uint8)
    mask[2:8, 2:8] = mask[8:16, 8:16] = mask[18, 2] = 1
    Image.fromarray(mask).save(tmp_path / "mask.png")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert write_polygons(tmp_path / "mask.png", tmp_path / "a.gpkg", CLASSES, "gpkg", simplify=0.5) == 2
    _, _, geometry, (_, pixels, _) = pyogrio.raw.read(tmp_path / "a.gpkg", layer="objects")
    assert sorted((len(shapely.from_wkb(g).geoms), a) for g, a in zip(geometry, pixels, strict=True)) == [
        (1, 1),
        (2, 100),
    ]


def test_a_simplified_border_moves_no_further_than_asked(tmp_path: Path) -> None:
    rows, columns = np.ogrid[:60, :60]
    disc = ((rows - 30) ** 2 + (columns - 30) ** 2 < 25**2).astype(np.uint8)
    Image.fromarray(disc).save(tmp_path / "disc.png")
    for name, tolerance in (("all", 0.0), ("few", 1.5)):
        write_polygons(tmp_path / "disc.png", tmp_path / name, CLASSES, "geojson", tolerance)
    (all_,), (few,) = features(tmp_path / "all"), features(tmp_path / "few")
    assert len(few["geometry"]["coordinates"][0]) < len(all_["geometry"]["coordinates"][0]) / 4
    assert shapely.hausdorff_distance(shape(few["geometry"]), shape(all_["geometry"])) <= 1.5 + 1e-9
    assert few["properties"]["area_px"] == disc.sum()


def test_geopackage_in_pieces_and_empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.inference.predict.output.polygons.TOGETHER", 1)
    mask = geotiff(tmp_path / "mask.tif", MASK, nodata=255)
    target = tmp_path / "a.gpkg"
    for _ in range(2):  # the second time over the first
        assert write_polygons(mask, target, CLASSES, "gpkg") == 2
    meta, _, geometry, (names, pixels, _) = pyogrio.raw.read(target, layer="objects")
    assert meta["crs"] == "EPSG:32633"
    assert sorted(zip(names, pixels, strict=True)) == [("roof", 94), ("tree", 6)]
    assert {shapely.from_wkb(g).geom_type for g in geometry} == {"MultiPolygon"}
    empty = geotiff(tmp_path / "empty.tif", np.zeros_like(MASK))
    assert write_polygons(empty, target, CLASSES, "gpkg") == 0
    assert len(pyogrio.raw.read(target, layer="objects")[2]) == 0


@pytest.mark.parametrize("form", ["geojson", "gpkg"])
def test_polygons_of_a_prediction(finished: Finished, form: str) -> None:
    """Without a mask being asked for; their areas are those of the classes."""
    Path("in").mkdir()
    geotiff(Path("in/tile.tif"), noise(64, 80))
    given = [f"run={finished.path}", "input=in", "output=out", f"polygons.format={form}"]
    assert run(["predict", *given, "write=[polygons]", "threshold=0.3"]) == 0
    assert sorted(p.name for p in Path("out").iterdir()) == ["predict.json", "summary.csv", f"tile_polygons.{form}"]
    assert run(["predict", *given, "write=[mask]", "threshold=0.3"]) == 0
    with rasterio.open("out/tile_mask.tif") as mask:
        pixels = int((mask.read(1) == 1).sum())
    meta, _, geometry, fields = pyogrio.raw.read(f"out/tile_polygons.{form}")
    assert pixels > 0
    assert sum(fields[list(meta["fields"]).index("area_px")]) == pytest.approx(pixels)
    assert len(geometry) > 0
