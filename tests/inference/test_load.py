import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segexp import load
from segexp.errors import ConfigError, DataError, MismatchError, TooLargeError
from segexp.runs.checkpoints import find_sources
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.inference.conftest import Finished
from tests.rasters.bombs import BOMBS
from tests.rasters.test_limit import peak
from tests.training.runs import Done, checkpoint, composed, run

RNG = np.random.default_rng(0)
RGB = RNG.integers(0, 256, (40, 56, 3), dtype=np.uint8)


def test_import_is_light() -> None:
    code = "import sys, segexp; assert 'torch' not in sys.modules; segexp.load; assert 'torch' in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_same_classes_as_in_the_test_of_the_run(finished: Finished) -> None:
    model = load(finished.path)
    prepared = prepare(with_hardware(finished.experiment), allocator=False)
    datamodule, module = prepared.datamodule, prepared.module
    best = checkpoint(finished.path, "best")
    module.load_state_dict(best["state_dict"])
    module.eval()
    matrix = np.zeros((2, 2), int)
    for item in datamodule.items("test"):
        with torch.inference_mode():
            logits = module.evaluated(torch.from_numpy(item.image).permute(2, 0, 1)[None])
        assert torch.equal(model.logits(item.image), logits)
        np.add.at(matrix, (item.target.ravel(), model.predict(item.image).ravel()), 1)
    assert matrix.tolist() == finished.content["confusion"]
    assert model.threshold == pytest.approx(finished.content["threshold"]["value"])
    assert model.classes == tuple(finished.content["task"]["classes"])
    assert "validation images" in model.notes[0]


def test_probabilities_add_up_and_decide(finished: Finished, cells: Done) -> None:
    two, three = load(finished.path), load(cells.path)
    for model, classes in ((two, 2), (three, 3)):
        found = model.probabilities(RGB)
        assert found.shape == (classes, 40, 56)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-6)
    assert three.tta == "flips"  # as it was tested
    np.testing.assert_array_equal(three.predict(RGB), three.probabilities(RGB).argmax(axis=0))
    halves = load(finished.path, threshold=0.5)
    np.testing.assert_array_equal(halves.predict(RGB), halves.probabilities(RGB)[1] >= 0.5)
    assert three.threshold is None


def test_bfloat16_is_near_and_not_the_same(finished: Finished) -> None:
    """And what comes out is float32: windows are added up in it."""
    exact, fast = load(finished.path), load(finished.path, precision="bfloat16")
    assert fast.logits(RGB).dtype == torch.float32
    difference = np.abs(fast.probabilities(RGB) - exact.probabilities(RGB)).max()
    assert 0 < difference < 0.05
    windows = load(finished.path, precision="bfloat16", inference={"window": 32})
    assert np.abs(windows.probabilities(RGB) - exact.probabilities(RGB)).mean() < 0.05


def test_whatever_an_image_comes_as(finished: Finished, tmp_path: Path) -> None:
    model = load(finished.path)
    mask = model.predict(RGB)
    assert mask.dtype == np.uint8
    picture = Image.fromarray(RGB)
    picture.save(tmp_path / "image.png")
    with_alpha = picture.copy()
    with_alpha.putalpha(77)
    for image in (picture, with_alpha, tmp_path / "image.png", str(tmp_path / "image.png")):
        np.testing.assert_array_equal(model.predict(image), mask)
    grey = RGB[..., 0]
    np.testing.assert_array_equal(model.predict(Image.fromarray(grey)), model.predict(np.stack([grey] * 3, axis=2)))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (RGB[..., 0], "1 channels, but the model was trained on 3"),
        (np.zeros((8, 8, 4), np.uint8), "4 channels, but the model was trained on 3"),
        (RGB.astype(np.uint16), "uint16 pixels, but the model was trained on uint8; scale it to 0..255"),
        (RGB / 255, "expected (H, W) or (H, W, C) of uint8 or uint16, raw as it is in the file"),
        (np.zeros((2, 8, 8, 3), np.uint8), "an array (2, 8, 8, 3)"),
        ([1, 2], "the image is a list"),
        ("gone.png", "gone.png"),
        (Image.new("F", (8, 8)), "mode F"),
    ],
)
def test_images_that_do_not_fit(finished: Finished, image: object, words: str) -> None:
    with pytest.raises(DataError) as caught:
        load(finished.path).predict(image)
    assert words in str(caught.value)


def test_an_ensemble_is_the_mean_of_probabilities(finished: Finished, second: Done) -> None:
    one, other, both = load(finished.path), load(second.path), load([finished.path, second.path])
    assert len(both.sources) == 2
    mean = (one.probabilities(RGB) + other.probabilities(RGB)) / 2
    np.testing.assert_allclose(both.probabilities(RGB), mean, atol=1e-5)
    assert one.threshold is not None
    assert other.threshold is not None
    assert both.threshold == pytest.approx((one.threshold + other.threshold) / 2)


def test_an_ensemble_sees_large_images_in_the_same_windows(finished: Finished, second: Done) -> None:
    keys = {"window": 24, "overlap": 0.5}
    both = load([finished.path, second.path], inference=keys, tta="d4")
    assert both.module.inference.window == 24
    found = both.probabilities(RGB)
    assert found.shape == (2, 40, 56)
    alone = load([finished.path], inference=keys, tta="d4").probabilities(RGB)
    assert np.abs(found - alone).max() > 0.01


def test_members_that_need_the_statistics_of_the_image(cells: Done) -> None:
    """Twice the same model: windows must be scaled by the whole image in an ensemble too."""
    keys = {"window": 24}
    path = cells.path / "checkpoints"
    one = load(path / "best.ckpt", inference=keys, tta="none").probabilities(RGB)
    two = load([path / "best.ckpt", path / "last.ckpt"], inference=keys, tta="none").probabilities(RGB)
    np.testing.assert_allclose(one, two, atol=1e-4)


def test_globs_files_and_lists(finished: Finished, second: Done) -> None:
    above = second.path.parent
    assert [source.folder for source in find_sources(f"{above}/*")] == [second.path]
    (source,) = find_sources([finished.path, str(finished.path), finished.path / "checkpoints" / "best.ckpt"])
    assert source.folder == finished.path
    assert source.name == "/".join(finished.path.parts[-2:])
    (last,) = find_sources(finished.path, "last")
    assert last.checkpoint.name == "last.ckpt"
    assert last.results == {}  # they speak of the best
    assert source.results["checkpoint"]["path"] == "checkpoints/best.ckpt"


def test_a_checkpoint_needs_no_other_file(finished: Finished, tmp_path: Path) -> None:
    shutil.copy(finished.path / "checkpoints" / "best.ckpt", tmp_path / "mine.ckpt")
    np.testing.assert_array_equal(load(tmp_path / "mine.ckpt").predict(RGB), load(finished.path).predict(RGB))


def test_what_is_no_run(finished: Finished, cells: Done, tmp_path: Path) -> None:
    (tmp_path / "text.ckpt").write_text("no checkpoint")
    for run_, words in (
        ("gone", "no folder gone"),
        (finished.path.parent, "There are runs below it"),
        ("gone/*", "matches no run folder"),
        ([], "no run folder was given"),
        (tmp_path / "text.ckpt", "is no checkpoint of segexp"),
    ):
        with pytest.raises(DataError, match=words.replace("*", r"\*")):
            load(run_)
    with pytest.raises(DataError, match=r"has best\.ckpt, last\.ckpt"):
        load(finished.path, "best-3")
    with pytest.raises(MismatchError, match="runs of an ensemble must agree"):
        load([finished.path, cells.path])
    with pytest.raises(ConfigError, match="it is for two classes"):
        load(cells.path, threshold=0.4)
    with pytest.raises(ConfigError, match="a probability from 0 to 1"):
        load(finished.path, threshold=1.4)


def test_threshold_of_the_views_that_were_tested(tmp_path: Path) -> None:
    done = run(composed("tta=flips", "datamodule.scene=buildings", "baselines=false", "metric=[]", "bootstrap=0"))
    tested = done.content["threshold"]
    assert load(done.path).threshold == pytest.approx(tested["value"])
    own = load(done.path, tta="none")
    assert own.module.threshold == pytest.approx(done.best["segexp"]["threshold_logit"])
    assert "seen in one view" in load(done.path, tta="d4").notes[0]


def test_from_before_there_were_windows(finished: Finished, tmp_path: Path) -> None:
    old = checkpoint(finished.path, "best")
    del old["segexp"]["config"]["inference"]
    torch.save(old, tmp_path / "old.ckpt")
    with pytest.raises(DataError, match="from before there were windows"):
        load(tmp_path / "old.ckpt")


@pytest.mark.parametrize("name", ["screen.gif", "plain.bmp", "deflate.tif"])
def test_a_small_file_with_many_pixels_is_refused(name: str, finished: Finished) -> None:
    BOMBS[name](Path(name))
    model, before = load(finished.path), peak()
    for see in (model.predict, model.probabilities, model.open):
        with pytest.raises(TooLargeError, match=rf"{name}: decoding .* give image_limit=\d"):
            see(name)
    assert peak() - before < 100e6


def test_what_is_made_of_a_file_counts_and_an_array_is_in_memory_already(finished: Finished) -> None:
    pixels = np.zeros((300, 400, 3), np.uint8)
    Image.fromarray(pixels).save("a.png")
    model = load(finished.path, image_limit=0.001)
    with pytest.raises(TooLargeError, match=r"predicting its 400x300 pixels at once .* command predict goes"):
        model.predict("a.png")
    assert model.predict(pixels).shape == (300, 400)
    assert load(finished.path, image_limit=0.01).predict("a.png").shape == (300, 400)


def test_damaged_weights_are_refused(finished: Finished) -> None:
    content = bytearray(checkpoint_path(finished.path).read_bytes())
    content[len(content) // 2] ^= 4
    Path("damaged.ckpt").write_bytes(content)
    with pytest.raises(DataError, match=r"damaged\.ckpt: is damaged"):
        load("damaged.ckpt")


def checkpoint_path(folder: Path) -> Path:
    return folder / "checkpoints" / "best.ckpt"


def test_a_run_without_a_best_checkpoint_is_read_by_its_last(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()
    (tmp_path / "checkpoints" / "last.ckpt").touch()
    (tmp_path / "config.yaml").touch()
    with pytest.raises(DataError, match=r"has last\.ckpt; add checkpoint=last$"):
        find_sources(tmp_path)
    (source,) = find_sources(tmp_path, "last")
    assert source.checkpoint == tmp_path / "checkpoints" / "last.ckpt"
