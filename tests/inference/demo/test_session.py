from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import tifffile
from PIL import Image

from segexp import load
from segexp.inference.demo.answer_cache import AnswerCache
from segexp.inference.demo.files import Downloads
from segexp.inference.demo.session import GONE, DemoSession
from segexp.inference.model import Model
from tests.inference.conftest import Finished
from tests.inference.predict.made import noise
from tests.rasters.bombs import BOMBS
from tests.rasters.test_limit import peak
from tests.training.runs import Done


def session(model: Model, **limits: float) -> DemoSession:
    downloads = Downloads(Path("downloads"))
    given = {"max_megabytes": 1.0, "max_pixels": 10_000, **limits}
    kept = AnswerCache(10_000_000, downloads.remove)
    return DemoSession(model, kept, downloads, given["max_megabytes"], int(given["max_pixels"]))


def ones(mask: Path | None) -> float:
    """Share of the second class."""
    return float((np.asarray(Image.open(str(mask))) == 1).mean())


@pytest.fixture
def photo() -> np.ndarray:
    pixels = noise(40, 56)
    Image.fromarray(pixels).save("my photo.png")
    return pixels


def test_two_classes_as_predict_sees_them(finished: Finished, photo: np.ndarray) -> None:
    model = load(finished.path, threshold=0.3)
    view = session(model).take(Path("my photo.png"))
    expected = model.predict(photo)
    assert view.message == ""
    assert view.threshold == pytest.approx(0.3)
    assert view.mask is not None and view.overlay is not None
    np.testing.assert_array_equal(view.mask[expected == 1], np.broadcast_to(model.colours[1], (expected.sum(), 3)))
    np.testing.assert_array_equal(view.overlay[expected == 0], photo[expected == 0])
    assert [name for _, name in view.probabilities] == [model.classes[1]]
    assert f"{(expected == 1).mean():.2%}" in view.legend
    assert "my photo.png: RGB uint8 56x40 PNG" in view.facts
    mask = Image.open(str(view.mask_file))
    assert (Path(str(view.mask_file)).name, mask.mode) == ("my_photo_mask.png", "P")
    np.testing.assert_array_equal(np.asarray(mask), expected)
    values = tifffile.imread(str(view.probability_file))
    np.testing.assert_allclose(values, model.probabilities(photo)[1], atol=1e-6)


def test_threshold_moves_without_the_network(finished: Finished, photo: np.ndarray) -> None:
    model = load(finished.path)
    place = session(model)
    first = place.take(Path("my photo.png"))
    middle = float(np.median(model.probabilities(photo)[1]))
    with mock.patch.object(model.module, "evaluated", side_effect=AssertionError("the network ran")):
        # The file of one threshold takes the place of the last.
        shares = [ones(place.move(first.key, threshold).mask_file) for threshold in (0.0, middle, 1.0)]
    last = place.move(first.key, 1.0)
    assert shares[0] == 1.0
    assert shares[1] == pytest.approx(0.5, abs=0.05)
    assert shares[2] == 0.0
    np.testing.assert_array_equal(last.overlay, photo)


def test_many_classes_have_no_threshold_and_a_map_each(cells: Done, photo: np.ndarray) -> None:
    model = load(cells.path)
    view = session(model).take(Path("my photo.png"))
    assert view.threshold is None
    assert [name for _, name in view.probabilities] == list(model.classes)
    np.testing.assert_array_equal(np.asarray(Image.open(str(view.mask_file))), model.predict(photo))
    values = tifffile.imread(str(view.probability_file))
    assert values.shape == (3, 40, 56)
    np.testing.assert_allclose(values.sum(axis=0), 1, atol=1e-5)


def test_sixteen_bits_are_seen_as_predict_sees_them(cells: Done) -> None:
    """The page must not turn them into 8 bits on the way."""
    deep = noise(40, 56).astype(np.uint16) * 100
    tifffile.imwrite("deep.tif", deep, photometric="rgb")
    model = load(cells.path)
    view = session(model).take(Path("deep.tif"))
    assert "uint16" in view.facts
    np.testing.assert_array_equal(np.asarray(Image.open(str(view.mask_file))), model.predict(deep))


def test_an_image_that_is_replaced_is_forgotten(finished: Finished, photo: np.ndarray) -> None:
    place = session(load(finished.path))
    first = place.take(Path("my photo.png"))
    second = place.take(Path("my photo.png"), first.key)
    assert place.move(second.key, 0.5).key == second.key
    gone = place.move(first.key, 0.5)
    assert GONE in gone.message
    assert gone.mask is None
    assert [path.name for path in Path("downloads").iterdir()] == [second.key]


@pytest.mark.parametrize(
    ("name", "limits", "words"),
    [
        ("text.txt", {}, "text.txt: "),
        ("my photo.png", {"max_pixels": 2000}, "my photo.png: 56 x 40 are 2,240 pixels; this page takes up to 2,000"),
        ("my photo.png", {"max_megabytes": 0.001}, "MB; this page takes up to 0.001 MB"),
        ("bands.tif", {}, "bands.tif: 5 channels, but the model was trained on 3"),
        ("empty.png", {}, "empty.png: "),
        ("gone.png", {}, "gone.png"),
    ],
)
def test_what_is_wrong_is_said_and_the_next_image_is_served(
    name: str, limits: dict[str, float], words: str, finished: Finished, photo: np.ndarray
) -> None:
    Path("text.txt").write_text("not an image", encoding="utf-8")
    Path("empty.png").touch()
    tifffile.imwrite("bands.tif", np.zeros((20, 20, 5), np.uint8), photometric="minisblack", planarconfig="contig")
    place = session(load(finished.path), **limits)
    view = place.take(Path(name).resolve())
    assert 'role="alert"' in view.message
    assert words in view.message
    assert str(Path.cwd()) not in view.message
    assert view.key is view.mask is view.mask_file is None
    assert place.cache.size == 0
    if not limits:
        assert place.take(Path("my photo.png")).message == ""


def test_what_breaks_is_a_message_too(finished: Finished, photo: np.ndarray) -> None:
    place = session(load(finished.path))
    with mock.patch.object(place.model.module, "evaluated_natively", side_effect=RuntimeError("out of <memory>")):
        view = place.take(Path("my photo.png"))
    assert "could not be predicted (RuntimeError: out of &lt;memory&gt;)" in view.message


def test_a_large_image_is_shown_smaller_and_kept_whole(finished: Finished) -> None:
    Image.fromarray(noise(8, 3200)).save("wide.png")
    view = session(load(finished.path), max_pixels=30_000).take(Path("wide.png"))
    assert view.message == ""
    assert view.overlay is not None and view.mask is not None
    assert view.overlay.shape == view.mask.shape == (4, 1600, 3)
    assert Image.open(str(view.mask_file)).size == (3200, 8)


@pytest.mark.parametrize("name", ["screen.gif", "frame.gif", "plain.bmp", "run_lengths.bmp", "tile.tif"])
def test_a_small_file_with_many_pixels_is_a_message(name: str, finished: Finished) -> None:
    BOMBS[name](Path(name))
    place = session(load(finished.path), max_pixels=16_777_216)
    before = peak()
    view = place.take(Path(name).resolve())
    assert f"{name}: decoding " in view.message
    assert "image_limit=" in view.message
    assert view.key is None
    assert peak() - before < 100e6


def test_many_classes_of_many_pixels_are_a_message_too(finished: Finished) -> None:
    """What is made of an image counts as well as the image itself."""
    Image.new("RGB", (1000, 1000)).save("a.png")
    place = session(load(finished.path, image_limit=0.02), max_pixels=16_777_216)
    view = place.take(Path("a.png"))
    assert "a.png: predicting its 1000x1000 pixels at once would take 0.029 GB" in view.message
