"""A place that lies beside an image is kept in masks and polygons; where there is none it is said once."""

import json
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from segexp.cli.app import run
from tests.inference.conftest import Finished
from tests.inference.predict.made import noise

WORLD = "0.3\n0\n0\n-0.3\n500000.15\n4999999.85\n"
TRANSFORM = (0.3, 0.0, 500_000.0, 0.0, -0.3, 5_000_000.0)
NAMES = {"a.tif": "a.tfw", "b.jpg": "b.jgw", "c.png": "c.pgw", "d.bmp": "d.wld"}


def made() -> None:
    Path("in").mkdir()
    for name, world in NAMES.items():
        Image.fromarray(noise(40, 56)).save(Path("in") / name)
        (Path("in") / world).write_text(WORLD)
        (Path("in") / name).with_suffix(".prj").write_text(rasterio.CRS.from_epsg(32633).to_wkt())


def corners(path: Path) -> tuple[float, ...]:
    """Least and greatest x and y of all polygons."""
    shapes = [feature["geometry"] for feature in json.loads(path.read_text())["features"]]
    parts = [part for s in shapes for part in (s["coordinates"] if s["type"] == "MultiPolygon" else [s["coordinates"]])]
    points = np.array([point for part in parts for ring in part for point in ring])
    return (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())


@pytest.mark.parametrize("form", ["auto", "png", "tiff"])
def test_the_place_is_kept(finished: Finished, form: str) -> None:
    made()
    words = [f"run={finished.path}", "input=in", "output=out", "write=[mask,polygons]", "threshold=0.4"]
    assert run(["predict", *words, f"format={form}"]) == 0
    for name in NAMES:
        mask = Path("out") / f"{Path(name).stem}_mask.{'png' if form == 'png' else 'tif'}"
        with rasterio.open(mask) as file:
            assert tuple(file.transform)[:6] == pytest.approx(TRANSFORM)
            assert file.crs.to_epsg() == 32633
        left, bottom, right, top = corners(Path("out") / f"{Path(name).stem}_polygons.geojson")
        assert 500_000 <= left < right <= 500_000 + 56 * 0.3 + 1e-6
        assert 5_000_000 - 40 * 0.3 - 1e-6 <= bottom < top <= 5_000_000
        assert "EPSG::32633" in (Path("out") / f"{Path(name).stem}_polygons.geojson").read_text()
        if form == "png":
            world = mask.with_suffix(".pgw").read_text().split()
            assert [float(number) for number in world] == pytest.approx([0.3, 0, 0, -0.3, 500000.15, 4999999.85])


def test_no_place_is_said_once(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    for name in ("a.png", "b.jpg", "c.tif"):
        Image.fromarray(noise(40, 56)).save(Path("in") / name)
    words = [f"run={finished.path}", "input=in", "threshold=0.4"]
    assert run(["predict", *words, "output=out", "write=[mask,polygons]"]) == 0
    told = [line for line in capsys.readouterr().out.splitlines() if "where on the ground" in line]
    assert len(told) == 1
    assert "3 files say nowhere where on the ground they lie such as a.png" in told[0]


def test_a_turned_photograph_with_a_place_is_refused(finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    Path("in").mkdir()
    exif = Image.Exif()
    exif[274] = 6
    Image.fromarray(noise(40, 56)).save("in/a.jpg", exif=exif)
    Path("in/a.jgw").write_text(WORLD)
    assert run(["predict", f"run={finished.path}", "input=in", "output=out"]) == 1
    assert "an image with a place on the ground with an orientation tag (6)" in Path("out/summary.csv").read_text()
