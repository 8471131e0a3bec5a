import csv
import errno
import json
import os
import shutil
import signal
from pathlib import Path

import numpy as np
import pytest
import rasterio
import tifffile
from PIL import Image

from segexp import load
from segexp.cli.app import run
from segexp.inference.predict.command import PredictionReport
from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output import prediction as prediction_file
from segexp.inference.predict.output_folder import OutputFolder
from segexp.inference.predict.postprocessing import spool
from segexp.inference.predict.worker import FileResult
from tests.inference.conftest import Finished
from tests.inference.predict.made import TRANSFORM, geotiff, noise
from tests.rasters.bombs import BOMBS
from tests.rasters.test_limit import peak
from tests.training.runs import Done


def predict(path: Path | str, *overrides: str) -> int:
    return run(["predict", f"run={path}", "input=in", "output=out", *overrides])


def summary() -> dict[str, dict[str, str]]:
    with Path("out/summary.csv").open(newline="") as stream:
        return {Path(row["file"]).name: row for row in csv.DictReader(stream)}


@pytest.fixture
def photo() -> np.ndarray:
    Path("in").mkdir()
    pixels = noise(40, 56)
    Image.fromarray(pixels).save("in/photo.png")
    return pixels


def test_all_maps_of_a_picture(finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(finished.path, "write=[mask,probability,overlay,uncertainty]", "threshold=0.3") == 0
    model = load(finished.path, threshold=0.3)
    mask = Image.open("out/photo_mask.png")
    assert mask.mode == "P"
    np.testing.assert_array_equal(np.asarray(mask), model.predict(photo))
    assert mask.getpalette()[:6] == [*model.colours[0], *model.colours[1]]  # type: ignore[index]
    probability = np.asarray(Image.open("out/photo_probability.png"))
    np.testing.assert_allclose(probability / 254, model.probabilities(photo)[1], atol=0.5 / 254 + 1e-6)
    shown = np.asarray(Image.open("out/photo_overlay.png"))
    background = model.predict(photo) == 0
    np.testing.assert_array_equal(shown[background], photo[background])
    assert (shown[~background] != photo[~background]).any()
    assert Image.open("out/photo_uncertainty.png").size == (56, 40)
    row = summary()["photo.png"]
    assert (row["state"], row["width"], row["height"]) == ("done", "56", "40")
    assert float(row["share/building"]) == pytest.approx((~background).mean(), abs=1e-6)
    assert "1 done" in capsys.readouterr().out
    assert not list(Path("out").glob(".*"))


def test_several_classes_and_float32(cells: Done, photo: np.ndarray) -> None:
    assert predict(cells.path, "write=[mask,probability]") == 0
    probabilities = load(cells.path).probabilities(photo)
    names = [name.replace(" ", "-") for name in load(cells.path).classes]
    for name, expected in zip(names, probabilities, strict=True):
        found = np.asarray(Image.open(f"out/photo_probability_{name}.png"))
        np.testing.assert_allclose(found / 254, expected, atol=0.5 / 254 + 1e-5)
    assert predict(cells.path, "write=[probability,uncertainty]", "depth=float32", "overwrite=true") == 0
    np.testing.assert_allclose(tifffile.imread("out/photo_probability.tif"), probabilities, atol=1e-5)
    assert tifffile.imread("out/photo_uncertainty.tif").dtype == np.float32


def test_geotiff_in_geotiff_out(finished: Finished) -> None:
    """In windows and bands of other sizes than its tiles, with a border that holds no data."""
    Path("in").mkdir()
    pixels = noise(90, 75)
    pixels[:10] = 0
    geotiff(Path("in/tile.tif"), pixels, nodata=0)
    keys = ("inference.window=32", "inference.overlap=0.4")
    assert predict(finished.path, *keys, "write=[mask,probability,overlay,uncertainty]", "depth=float32") == 0
    model = load(finished.path, inference={"window": 32, "overlap": 0.4})
    expected = model.predict(pixels)
    expected[:10] = 255
    with rasterio.open("out/tile_mask.tif") as mask:
        assert mask.crs == rasterio.CRS.from_epsg(32633)
        assert mask.transform == TRANSFORM
        assert mask.nodata == 255
        assert mask.block_shapes == [(16, 32)]
        assert mask.profile["tiled"]
        assert mask.colormap(1)[1][:3] == model.colours[1]
        assert mask.tags()["class_1"] == "building"
        np.testing.assert_array_equal(mask.read(1), expected)
    with rasterio.open("out/tile_probability.tif") as probability:
        found = probability.read(1)
        assert np.isnan(found[:10]).all()
        np.testing.assert_allclose(found[10:], model.probabilities(pixels)[1, 10:], atol=1e-5)
        assert probability.descriptions == ("building",)
    with rasterio.open("out/tile_overlay.tif") as overlay:
        assert (overlay.count, overlay.transform) == (3, TRANSFORM)
        np.testing.assert_array_equal(overlay.read()[:, :10], 0)
    assert float(summary()["tile.tif"]["share/no data"]) == pytest.approx(10 / 90, abs=1e-6)


def test_pieces_of_a_band_fit_each_other(finished: Finished, monkeypatch: pytest.MonkeyPatch) -> None:
    """Maps are made a few rows at a time, which must not be seen."""
    Path("in").mkdir()
    pixels = noise(50, 40)
    pixels[20:23, :30] = 0
    geotiff(Path("in/tile.tif"), pixels, nodata=0)
    every = ("inference.window=32", "write=[mask,probability,overlay,uncertainty]", "threshold=0.3")
    found = []
    for pixels_at_once in (1 << 20, 3 * 40, 1):
        monkeypatch.setattr(prediction_file, "AT_ONCE", pixels_at_once)
        assert predict(finished.path, *every, "overwrite=true") == 0
        found.append({path.name: tifffile.imread(path) for path in sorted(Path("out").glob("*.tif"))})
    assert len(found[0]) == 4
    for name, whole in found[0].items():
        np.testing.assert_array_equal(found[1][name], whole)
        np.testing.assert_array_equal(found[2][name], whole)
    assert (found[0]["tile_mask.tif"][20:23, :30] == 255).all()


def test_strips_sixteen_bits_and_chosen_bands(cells: Done) -> None:
    """Of five bands three; an image's own statistics take care of its range."""
    Path("in").mkdir()
    pixels = noise(50, 60, 5, 4096)
    geotiff(Path("in/scene.tif"), pixels, tiled=False, blockysize=1)
    assert predict(cells.path) == 1
    assert "5 channels, but the model was trained on 3" in summary()["scene.tif"]["error"]
    assert predict(cells.path, "bands=[4,3,2]", "write=[mask,overlay]", "overwrite=true") == 0
    assert summary()["scene.tif"]["error"] == ""
    with rasterio.open("out/scene_mask.tif") as mask:
        np.testing.assert_array_equal(
            mask.read(1), load(cells.path).predict(np.ascontiguousarray(pixels[..., [3, 2, 1]]))
        )
        assert not mask.profile["tiled"]
    with rasterio.open("out/scene_overlay.tif") as overlay:
        assert overlay.read().std() > 20  # stretched: 12 bits would be nearly black


def test_a_bad_file_is_named_and_the_rest_goes_on(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("in/broken.png").write_bytes(Path("in/photo.png").read_bytes()[:200])
    Path("in/deep.png").write_bytes(b"")
    Image.fromarray(photo).save("in/photo.bmp")
    assert predict(finished.path) == 1
    rows = summary()
    assert {name: row["state"] for name, row in rows.items()} == {
        "broken.png": "failed", "deep.png": "failed", "photo.bmp": "done", "photo.png": "failed",
    }  # fmt: skip
    assert "in/broken.png" in rows["broken.png"]["error"]
    assert "would have the names of those of in/photo.bmp" in rows["photo.png"]["error"]
    told = capsys.readouterr()
    assert "1 done, 3 failed" in told.err
    assert "in/broken.png" in told.out
    assert sorted(path.name for path in Path("out").iterdir()) == ["photo_mask.png", "predict.json", "summary.csv"]


def test_goes_on_where_it_was_broken_off(
    finished: Finished, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy("in/photo.png", "in/second.png")
    first = prediction_file.FilePrediction.run

    def stopped(self: prediction_file.FilePrediction, done: object) -> None:
        if self.source.path.name == "second.png":
            with self._written():
                raise KeyboardInterrupt
        first(self, done)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(prediction_file.FilePrediction, "run", stopped)
        assert predict(finished.path) == 130
    told = capsys.readouterr().err.splitlines()[-1]
    assert told.startswith("segexp: stopped: 1 done of 2 files; go on with python -m segexp predict run=")
    assert sorted(path.name for path in Path("out").iterdir()) == ["photo_mask.png", "predict.json", "summary.csv"]
    made = Path("out/photo_mask.png").stat().st_mtime_ns
    assert predict(finished.path) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out
    assert Path("out/photo_mask.png").stat().st_mtime_ns == made
    assert summary()["photo.png"]["width"] == "56"  # of the first call
    # Maps that are missing are added; a changed file is predicted again.
    assert predict(finished.path, "write=[mask,overlay]") == 0
    assert "2 done" in capsys.readouterr().out
    os.utime("in/photo.png", (2e9, 2e9))
    assert predict(finished.path) == 0
    assert "1 done, 1 skipped" in capsys.readouterr().out


def test_predictions_of_another_kind_are_not_mixed(
    finished: Finished, second: Done, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    assert predict(finished.path) == 0
    assert predict(finished.path, "threshold=0.9") == 2
    assert "threshold: " in capsys.readouterr().err
    assert predict(second.path) == 2
    assert "weights: " in capsys.readouterr().err
    assert predict(second.path, "overwrite=true") == 0
    facts = json.loads(Path("out/predict.json").read_text())
    assert facts["runs"] == ["/".join(second.path.parts[-2:])]


def test_an_ensemble_by_a_list(finished: Finished, second: Done, photo: np.ndarray) -> None:
    assert run(["predict", f"run=[{finished.path},{second.path}]", "input=in/photo.png", "output=out"]) == 0
    expected = load([finished.path, second.path]).predict(photo)
    np.testing.assert_array_equal(np.asarray(Image.open("out/photo_mask.png")), expected)


def test_objects_are_cleaned(finished: Finished, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    assert predict(finished.path, "postprocess.min_size=100000", "write=[mask,overlay]", "threshold=0.3") == 0
    assert not np.asarray(Image.open("out/photo_mask.png")).any()
    np.testing.assert_array_equal(np.asarray(Image.open("out/photo_overlay.png")), photo)
    weak = ("postprocess.hysteresis=0.0", "threshold=0.3", "overwrite=true")
    assert predict(finished.path, *weak) == 0
    assert np.asarray(Image.open("out/photo_mask.png")).all()
    # In bands and by way of a file, as a large raster.
    keys = ("postprocess.hysteresis=0.2", "postprocess.fill_holes=9", "postprocess.min_size=5", "postprocess.split=3")
    found = []
    for pixels in (1 << 23, 3 * 56):
        monkeypatch.setattr(spool, "AT_ONCE", pixels)
        monkeypatch.setattr(spool, "IN_MEMORY", pixels)
        assert predict(finished.path, *keys, "threshold=0.3", "write=[mask,overlay]", "overwrite=true") == 0
        found.append([Path(f"out/photo_{name}.png").read_bytes() for name in ("mask", "overlay")])
    assert found[0] == found[1]
    assert 0 < np.asarray(Image.open("out/photo_mask.png")).mean() < 1
    assert sorted(path.name for path in Path("out").glob("photo*")) == ["photo_mask.png", "photo_overlay.png"]


def test_mistakes_of_the_user(finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]) -> None:
    for override, words in (
        ("write=[masks]", "Did you mean 'mask'?"),
        ("write=[]", "write: is empty, so nothing would be predicted"),
        ("tta=d8", "tta: found 'd8'"),
        ("run=gone", "no folder gone"),
        ("input=gone", "no file or folder gone"),
        ("inference.windw=3", "inference.window"),
        ("postprocess.hysteresis=0.99", "must be below the threshold"),
    ):
        assert predict(finished.path, override) == 2
        assert words in capsys.readouterr().err
    assert not Path("out").exists()


def test_the_row_of_a_failure_does_not_outlive_it() -> None:
    """Of a file whose server was gone for a while: its predictions are complete."""
    Path("out").mkdir()
    Path("out/summary.csv").write_text("file,state,error\na.png,failed,no answer\nb.png,done,\n")
    folder = OutputFolder(Path("out"))
    PredictionReport(folder).add_results(FileResult(Input(name, Path(name)), "skipped") for name in ("a.png", "b.png"))
    folder.close()
    assert {name: (row["state"], row["error"]) for name, row in summary().items()} == {
        "a.png": ("done", ""), "b.png": ("done", ""),
    }  # fmt: skip


def test_sigterm_leaves_nothing_unfinished(
    finished: Finished, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    there: list[Path] = []

    def ended(*_: object) -> None:
        there.extend(Path("out").glob(".*.partial"))
        os.kill(os.getpid(), signal.SIGTERM)

    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(prediction_file.FilePrediction, "_rows", ended)
    assert predict(finished.path, "format=tiff") == 130
    assert [path.name for path in there] == [".photo_mask.tif.partial"]
    assert [path.name for path in Path("out").iterdir()] == ["predict.json"]
    assert signal.getsignal(signal.SIGTERM) is before


def test_a_small_file_with_many_pixels_fails_alone(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    BOMBS["plain.bmp"](Path("in/plain.bmp"))
    BOMBS["frame.gif"](Path("in/frame.gif"))
    before = peak()
    assert predict(finished.path) == 1
    assert peak() - before < 100e6
    rows = summary()
    assert {name: row["state"] for name, row in rows.items()} == {
        "photo.png": "done", "plain.bmp": "failed", "frame.gif": "failed"
    }  # fmt: skip
    for name in ("plain.bmp", "frame.gif"):
        assert "give image_limit=" in rows[name]["error"]


def test_pictures_that_are_kept_count_too(finished: Finished, photo: np.ndarray) -> None:
    assert predict(finished.path, "image_limit=0.00002", "inference.window=32") == 1
    assert "in/photo.png: predicting its 56x40 pixels would take" in summary()["photo.png"]["error"]
    assert predict(finished.path, "image_limit=0.001", "inference.window=32") == 0


@pytest.mark.parametrize("key", ["image_limit=0", "total_timeout=-1", "max_gigabytes=0"])
def test_bounds_are_positive(key: str, finished: Finished, capsys: pytest.CaptureFixture[str]) -> None:
    assert predict(finished.path, key) == 2
    assert key.partition("=")[0] in capsys.readouterr().err


def test_a_full_disk_is_told(finished: Finished, photo: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Image.Image, "save", full)
    assert predict(finished.path) == 1
    assert summary()["photo.png"]["error"] == (
        "in/photo.png: predicting into out: no space left on the disk; make room there, or give another folder"
    )
    assert not list(Path("out").glob("*.partial"))


def test_what_is_no_file_is_passed_over_and_named(
    finished: Finished, photo: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    os.mkfifo("in/pipe.png")
    Path("in/zero.png").symlink_to("/dev/zero")
    Path("in/broken.png").symlink_to("nowhere.png")
    Path("in/folder.png").mkdir()
    assert predict(finished.path) == 0
    assert set(summary()) == {"photo.png"}
    told = "".join(capsys.readouterr())
    for name, words in (
        ("pipe.png", "a named pipe (FIFO)"), ("zero.png", "a device"), ("folder.png", "a folder, not an image file"),
        ("broken.png", "a link to nowhere.png, where no file is"),
    ):  # fmt: skip
        assert f"input: in/{name}: passed over, is {words}" in told
    assert run(["predict", f"run={finished.path}", "input=in/pipe.png", "output=out2"]) == 2
    assert "in/pipe.png is a named pipe (FIFO), expected an image file" in capsys.readouterr().err
