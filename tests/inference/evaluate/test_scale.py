import json
import re
import shlex
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from segexp import load
from segexp.cli.app import run
from segexp.inference.evaluate import rescaled
from tests.inference.conftest import Finished
from tests.inference.evaluate.test_command import MINE, evaluate, folder_of, newest

VALUES = "datamodule.mask_values={0: background, 255: building}"


def of_masks(found: np.ndarray, masks: np.ndarray) -> list[list[int]]:
    return [[int(((masks == t) & (found == p)).sum()) for p in (0, 1)] for t in (0, 1)]


def test_a_training_records_the_sizes_of_its_images_and_objects(finished: Finished) -> None:
    content = finished.content["trained_on"]
    assert content["side"] == [48, 48, 48]
    assert content["images"] == content["looked_at"] == 8
    (building,) = content["objects"]
    assert building["name"] == "building"
    assert 5 < building["width"] < building["side"] < 30
    assert finished.record["data"]["train"]["sizes"] == content
    assert finished.best["segexp"]["spec"]["sizes"] == {
        key: value for key, value in content.items() if key != "objects"
    } | {"objects": [{key: value for key, value in building.items() if not key.endswith("_m")}]}


def test_images_are_seen_at_another_size_and_scored_at_their_own(finished: Finished) -> None:
    masks = folder_of(3, size=96)
    assert evaluate(finished.path, *MINE, VALUES, "metric=none", "scale=0.5", "out=here") == 0
    content = newest(Path("here"))
    model = load(finished.path, scale=0.5)
    found = np.stack([model.predict(f"mine/photos/{number}.png") for number in range(3)])
    assert found.shape == masks.shape
    assert content["confusion"] == of_masks(found, masks)
    assert content["split"]["pixels"] == masks.size
    assert content["inference"]["scale"] == "0.5"
    assert content["inference"]["factors"] == [0.5, 0.5, 0.5]
    assert any("probabilities resampled back" in note for note in content["notes"])
    (folder,) = Path("here").iterdir()
    assert folder.name == "folder_all_scale0.5"


def test_probabilities_come_back_and_not_labels(finished: Finished) -> None:
    image = np.random.default_rng(0).integers(0, 256, (96, 96, 3), dtype=np.uint8)
    found = load(finished.path, scale=0.25).probabilities(image)
    np.testing.assert_allclose(found.sum(axis=0), 1, atol=1e-5)
    # Between the centres of two pixels that the model saw lie their means; labels would be blocks of four.
    steps = np.abs(np.diff(found[1, 48, 2:-2]))
    assert (steps > 0).mean() > 0.9
    assert steps.max() <= np.abs(np.diff(found[1, 48, 2::4])).max() + 1e-6


def test_without_a_scale_and_with_one_of_1_figures_are_the_same(finished: Finished) -> None:
    assert evaluate(finished.path, "out=here", "metric=none", "scale=1") == 0
    content = newest(Path("here"))
    assert content["confusion"] == finished.content["confusion"]
    assert content["inference"] == finished.content["inference"]
    assert content["rows"][0]["dataset"]["auc"] == finished.content["rows"][0]["dataset"]["auc"]


def test_auto_takes_the_side_of_the_training_images(finished: Finished) -> None:
    folder_of(2, size=120)
    assert evaluate(finished.path, *MINE, VALUES, "metric=none", "scale=auto", "out=auto") == 0
    assert evaluate(finished.path, *MINE, VALUES, "metric=none", "scale=48px", "out=side") == 0
    auto, side = newest(Path("auto")), newest(Path("side"))
    assert auto["inference"]["factors"] == side["inference"]["factors"] == [0.4, 0.4, 0.4]
    assert auto["confusion"] == side["confusion"]
    # Its own images stay as they are.
    assert evaluate(finished.path, "out=own", "metric=none", "scale=auto") == 0
    assert newest(Path("own"))["confusion"] == finished.content["confusion"]


def test_larger_images_are_warned_of_with_a_line_that_works(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of(3, size=120)
    for mask in Path("mine/truth").iterdir():  # objects are larger too
        with Image.open(mask) as small:
            small.crop((0, 0, 48, 48)).resize((120, 120), Image.Resampling.NEAREST).save(mask)
    assert evaluate(finished.path, *MINE, VALUES, "metric=none", "out=here") == 0
    out = capsys.readouterr().out
    warning = next(line for line in out.splitlines() if line.startswith("warning: 3 of 3 images have"))
    assert "a longer side of 120 pixels, the training images of 48: where objects" in warning
    assert warning.removeprefix("warning: ") in newest(Path("here"))["notes"]
    line = re.search(r"python -m segexp (evaluate .*)$", warning)
    assert line is not None
    words = shlex.split(line[1])
    assert words[-1] == "scale=0.4"
    assert run(words) == 0
    assert newest(Path("here"))["inference"]["scale"] == "0.4"
    assert "warning: 3 of 3" not in capsys.readouterr().out


def test_larger_images_of_objects_as_large_as_in_training_are_not_warned_of(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whole tiles, of a model that was trained on parts of them."""
    side = round(finished.content["trained_on"]["objects"][0]["side"])
    folder_of(2, size=120)
    for mask in Path("mine/truth").iterdir():
        squares = np.zeros((120, 120), np.uint8)
        squares[20 : 20 + side, 30 : 30 + side] = 255
        Image.fromarray(squares).save(mask)
    assert evaluate(finished.path, *MINE, VALUES, "metric=none", "out=here") == 0
    assert "longer side" not in capsys.readouterr().out


def test_an_old_checkpoint_warns_of_nothing_and_knows_no_auto(
    finished: Finished, capsys: pytest.CaptureFixture[str]
) -> None:
    folder_of(2, size=120)
    old = torch.load(finished.path / "checkpoints" / "best.ckpt", weights_only=True)
    del old["segexp"]["spec"]["sizes"]
    torch.save(old, "old.ckpt")
    assert evaluate("old.ckpt", *MINE, VALUES, "metric=none", "out=here") == 0
    assert newest(Path("here"))["trained_on"] is None
    assert "longer side" not in capsys.readouterr().out
    shutil.rmtree("here")
    assert evaluate("old.ckpt", *MINE, VALUES, "scale=auto", "out=here") == 2
    assert "which this checkpoint does not record" in capsys.readouterr().err
    assert not Path("here").exists()
    assert evaluate("old.ckpt", *MINE, VALUES, "metric=none", "scale=0.4", "out=here") == 0
    old["segexp"]["spec"]["sizes"] = {**finished.content["trained_on"], "side": [0, 0, 0]}
    torch.save(old, "strange.ckpt")
    assert evaluate("strange.ckpt", *MINE, VALUES, "out=there") == 2
    assert "is no checkpoint of segexp" in capsys.readouterr().err


@pytest.mark.parametrize("scale", ["0", "-1", "nan", "1e9", "inf", "8px", "big", "[0.5,1]", "true"])
def test_what_is_no_scale_is_refused(finished: Finished, scale: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate(finished.path, f"scale={scale}", "out=here") == 2
    err = capsys.readouterr().err
    assert "scale: found" in err
    assert "as 128px" in err
    assert len(err.strip().splitlines()) == 1
    assert not Path("here").exists()


def test_too_small_for_the_model_and_too_large_for_the_memory(
    finished: Finished, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert evaluate(finished.path, "scale=0.02", "out=here") == 2
    assert re.search(r"scale: \S+ of 48x48 pixels, seen at 1x1, is too small: .*larger scale", capsys.readouterr().err)
    monkeypatch.setattr(rescaled, "free_memory", lambda: 1 << 20)
    assert evaluate(finished.path, "scale=10", "out=here") == 2
    assert re.search(r"seen at 480x480, would take . MiB of memory, 1 MiB are free", capsys.readouterr().err)
    assert not Path("here").exists()


def test_other_aspect_ratios_keep_theirs(finished: Finished) -> None:
    for shape, seen in (((30, 90), (20, 60)), ((1, 400), (1, 60))):
        model = load(finished.path, scale="60px")
        assert model.module.rescale is not None
        assert model.module.rescale.shape_for(*shape) == seen
    image = np.random.default_rng(0).integers(0, 256, (30, 90, 3), dtype=np.uint8)
    assert load(finished.path, scale="60px").predict(image).shape == (30, 90)


def test_windows_views_and_scale_go_together(finished: Finished) -> None:
    image = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    whole = load(finished.path, scale=2.0, tta="d4")
    parts = load(finished.path, scale=2.0, tta="d4", inference={"window": 64, "overlap": 0.5})
    found, expected = parts.probabilities(image), whole.probabilities(image)
    assert found.shape == expected.shape == (2, 40, 60)
    assert np.abs(found - expected).max() > 0
    assert np.abs(found - expected).mean() < 0.02


def test_the_config_of_an_evaluation_keeps_its_scale(finished: Finished) -> None:
    assert evaluate(finished.path, "out=here", "metric=none", "scale=0.5", "bootstrap=0") == 0
    (config,) = Path("here").rglob("config.yaml")
    assert "scale: 0.5" in config.read_text()
    assert json.loads(next(Path("here").rglob("results.json")).read_text())["inference"]["scale"] == "0.5"
