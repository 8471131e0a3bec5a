"""Runs whose validation and test images are seen in windows."""

from pathlib import Path

import pytest
import torch

from segexp.errors import ConfigError
from segexp.models.sizes import InputSizeError
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.training.runs import Done, composed, go

WINDOWS = (
    "datamodule._target_=tests.training.parts.SameTestAsVal", "inference.window=16", "trainer.max_epochs=1",
    "baselines=false", "metric=none",
)  # fmt: skip


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> Done:
    return go(*WINDOWS, f"output_dir={tmp_path_factory.mktemp('windows')}")


def test_validation_and_test_see_images_the_same_way(done: Done) -> None:
    """The same images, weights and threshold: the figures of both are equal."""
    at_half = next(row for row in done.content["rows"] if row["name"] == "model at 0.5")["dataset"]
    row = done.rows[-1]
    for figure in ("accuracy", "miou", "mdice"):
        assert float(row[f"val/{figure}"]) == pytest.approx(at_half[figure], abs=1e-6)
    assert float(row["val/iou/vessel"]) == pytest.approx(at_half["iou"]["vessel"], abs=1e-6)
    assert float(row["val/auc"]) == pytest.approx(done.content["rows"][0]["dataset"]["auc"], abs=1e-6)


def test_what_was_in_force_is_on_record(done: Done) -> None:
    expected = {"window": 16, "images_in_windows": 3, "images_whole": 0, "overlap": 0.25, "blend": "gaussian"}
    assert done.content["inference"] == expected
    assert done.record["inference"] == {"val": expected, "test": expected}


def test_windows_change_what_is_measured(done: Done, tmp_path: Path) -> None:
    whole = go(*WINDOWS, "inference.window=null", f"output_dir={tmp_path}")
    assert whole.content["inference"] == {"window": None, "images_in_windows": 0, "images_whole": 3}
    assert whole.rows[-1]["val/auc"] != done.rows[-1]["val/auc"]
    assert whole.rows[-1]["train/loss"] == done.rows[-1]["train/loss"]


def test_a_large_image_is_tried_with_one_window(monkeypatch: pytest.MonkeyPatch) -> None:
    from segexp.tasks.segmentation import Segmentation

    seen: list[tuple[int, ...]] = []
    forward = Segmentation.forward

    def spy(self: Segmentation, image: torch.Tensor, stats: torch.Tensor | None = None) -> torch.Tensor:
        seen.append(tuple(image.shape[-2:]))
        return forward(self, image, stats)

    monkeypatch.setattr(Segmentation, "forward", spy)
    experiment = composed("datamodule.size=200", "datamodule.crop_size=32", "inference.window=64")
    prepare(with_hardware(experiment), allocator=False)
    assert sorted(seen) == [(32, 32), (64, 64)]


def test_a_window_that_the_model_cannot_take_is_found_at_once() -> None:
    with pytest.raises(InputSizeError, match="2x2"):
        prepare(with_hardware(composed("inference.window=2", "model.depth=4")), allocator=False)


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("inference.overlap=1.0", r"inference\.overlap: found 1\.0, expected a number, 0 <= value <= 0\.9"),
        ("inference.window=0", r"inference\.window: found 0"),
        ("inference.blend=gauss", r"inference\.blend: found 'gauss'.*Did you mean 'gaussian'"),
        ("+inference.batch=2", r"inference\.batch: no such key.*inference\.batch_size"),
    ],
)
def test_wrong_settings_are_refused(override: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        composed(override)
