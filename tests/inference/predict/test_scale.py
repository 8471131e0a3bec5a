import json
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import rasterio
from PIL import Image

from segexp import load
from segexp.cli.app import run
from segexp.inference.predict.image.logit_bands import logit_bands
from segexp.rasters import open_raster
from segexp.windows import resampling
from tests.inference.conftest import Finished
from tests.inference.predict.made import TRANSFORM, geotiff, noise
from tests.inference.predict.test_command import predict, summary


@pytest.fixture
def photo() -> np.ndarray:
    Path("in").mkdir()
    pixels = noise(120, 168)
    Image.fromarray(pixels).save("in/photo.png")
    return pixels


def test_maps_have_the_size_of_the_image_and_the_scale_in_their_names(finished: Finished, photo: np.ndarray) -> None:
    assert predict(finished.path, "write=[mask,probability,overlay]", "scale=0.4") == 0
    model = load(finished.path, scale=0.4)
    names = {path.name for path in Path("out").iterdir()}
    assert names == {
        "photo_scale0.4_mask.png", "photo_scale0.4_probability.png", "photo_scale0.4_overlay.png", "predict.json",
        "summary.csv",
    }  # fmt: skip
    np.testing.assert_array_equal(np.asarray(Image.open("out/photo_scale0.4_mask.png")), model.predict(photo))
    probability = np.asarray(Image.open("out/photo_scale0.4_probability.png"))
    assert probability.shape == (120, 168)
    np.testing.assert_allclose(probability / 254, model.probabilities(photo)[1], atol=0.5 / 254 + 1e-5)
    assert float(summary()["photo.png"]["scale"]) == pytest.approx(0.4)
    facts = json.loads(Path("out/predict.json").read_text())
    assert facts["settings"]["scale"] == "0.4"
    assert any("resampled back" in note for note in facts["notes"])


def test_another_scale_goes_into_another_folder_and_what_is_done_is_skipped(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(finished.path, "scale=0.4") == 0
    assert predict(finished.path, "scale=0.4") == 0
    assert "1 skipped" in capsys.readouterr().out
    assert predict(finished.path) == 2
    assert "scale: 0.4 there, None now" in capsys.readouterr().err
    assert predict(finished.path, "overwrite=true") == 0
    assert Path("out/photo_mask.png").is_file()


@pytest.mark.parametrize("scale", ["0.4", "1.7", "auto"])
def test_bands_give_what_the_whole_image_gives(
    finished: Finished, photo: np.ndarray, scale: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large image goes through in bands; what they are made of is cut at other rows."""
    monkeypatch.setattr(resampling, "BAND", 168 * 7)
    asked: float | str = scale if scale == "auto" else float(scale)
    model = load(finished.path, scale=asked, inference={"window": 32, "overlap": 0.5})
    bands = [rows.numpy() for rows in logit_bands(model, open_raster(Path("in/photo.png")))]
    assert len(bands) > 10
    found, expected = np.concatenate(bands, axis=2), model.logits(photo).numpy()
    assert found.shape == (1, 1, 120, 168)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_a_geotiff_keeps_its_place_and_auto_goes_by_its_metres(finished: Finished) -> None:
    Path("in").mkdir()
    geotiff(Path("in/tile.tif"), noise(48, 96))
    assert predict(finished.path, "write=[mask,polygons]", "scale=2", "inference.window=64") == 0
    with rasterio.open("out/tile_scale2_mask.tif") as dataset:
        assert dataset.transform == TRANSFORM
        assert dataset.crs.to_epsg() == 32633
        assert dataset.shape == (48, 96)
        mask = dataset.read(1)
    np.testing.assert_array_equal(mask, load(finished.path, scale=2.0, inference={"window": 64}).predict("in/tile.tif"))
    outlines = json.loads(Path("out/tile_scale2_polygons.geojson").read_text())["features"]
    corners = np.concatenate([np.array(ring) for each in outlines for ring in each["geometry"]["coordinates"][:1]])
    assert corners.min(axis=0)[0] >= 600_000 - 1e-6
    assert corners.max(axis=0)[0] <= 600_000 + 96 * 0.3 + 1e-6

    model = load(finished.path, scale="auto")
    rescale = model.module.rescale
    assert rescale is not None
    object.__setattr__(rescale, "trained_pixel_size", 0.6)
    assert model.shape_seen(model.open("in/tile.tif")) == (24, 48)


def test_files_that_are_larger_are_warned_of_with_a_line_that_works(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(noise(48, 48)).save("in/like.png")
    Image.fromarray(noise(200, 100)).save("in/tall.png")
    assert predict(finished.path) == 0
    out = capsys.readouterr().out
    (warning,) = [line for line in out.splitlines() if line.startswith("warning:")]
    assert "photo.png has a longer side of 168 pixels, the training images of 48" in warning
    assert "sizes       2 of 3 files are much larger or smaller" in out
    line = re.search(r"python -m segexp (predict .*)$", warning)
    assert line is not None
    assert run(shlex.split(line[1])) == 0
    assert Path("out_scale0.29/photo_scale0.29_mask.png").is_file()
    assert "warning" not in capsys.readouterr().out
    assert predict(finished.path, "scale=1", "overwrite=true") == 0  # asked for
    assert "warning" not in capsys.readouterr().out


def test_what_the_model_or_the_memory_does_not_take_fails_by_itself(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    Image.fromarray(noise(1, 1)).save("in/dot.png")
    assert predict(finished.path, "scale=2") == 1
    rows = summary()
    assert rows["photo.png"]["state"] == "done"
    assert "seen at 2x2 the image is too small, use a larger scale" in rows["dot.png"]["error"]
    assert predict(finished.path, "scale=15", "image_limit=0.05", "inference.window=4000", "overwrite=true") == 1
    assert "predicting its 168x120 pixels, seen at 2520x1800, would take" in summary()["photo.png"]["error"]
    for wrong in ("0", "-1", "1e9", "nan"):
        assert predict(finished.path, f"scale={wrong}") == 2
        assert "scale: found" in capsys.readouterr().err
