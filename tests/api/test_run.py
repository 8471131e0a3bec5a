"""A run as an object: figures, tables, files and the model."""

import sys

import numpy as np
import pytest
import torch
from PIL import Image

from segexp import Run

IMAGE = np.random.default_rng(0).integers(0, 255, (48, 48, 3), np.uint8)


def test_figures_and_tables(run: Run) -> None:
    row = run.results["rows"][0]
    assert run.figures["test/miou"] == row["dataset"]["miou"]
    assert run.figures["test/image_miou"] == row["image"]["miou"]
    model = run.per_image[run.per_image["row"] == "model"]
    assert len(model) == 5
    assert model["miou"].mean() == pytest.approx(row["image"]["miou"])
    assert run.metrics["epoch"].tolist() == [0, 1]
    assert run.metrics["val/miou"].max() == pytest.approx(run.results["checkpoint"]["value"])
    assert run.config["seed"] == run.record["seed"] == 0
    assert run.report.is_file()
    assert run.best_checkpoint.is_file()
    assert run.last_checkpoint.is_file()
    assert "test/miou" in run._repr_html_()


def test_tables_without_pandas(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    rows = run.metrics
    assert [row["epoch"] for row in rows] == [0, 1]
    assert isinstance(rows[0]["train/loss"], float)


def test_the_model_is_called(run: Run) -> None:
    mask = run.model(IMAGE)
    assert mask.shape == (48, 48)
    assert set(np.unique(mask)) <= {0, 1}
    both = run.model([IMAGE, IMAGE[:32]])
    assert np.array_equal(both[0], mask)
    assert both[1].shape == (32, 48)
    assert run.model is run.model


def test_the_model_draws(run: Run) -> None:
    picture = run.model.plot(IMAGE)
    assert isinstance(picture, Image.Image)
    with_truth = run.model.plot(IMAGE, truth=np.zeros((48, 48), np.uint8))
    assert with_truth.width > picture.width > 3 * 48
    assert len(np.unique(np.asarray(picture).reshape(-1, 3), axis=0)) > 100


def test_gradients_on_request(run: Run) -> None:
    pixels = torch.from_numpy(IMAGE).permute(2, 0, 1)[None].float().requires_grad_()
    logits = run.model.logits(pixels, gradients=True)
    assert torch.equal(logits.detach(), run.model.logits(IMAGE))
    logits.mean().backward()
    assert pixels.grad is not None
    assert float(pixels.grad.abs().sum()) > 0
    assert not run.model.logits(pixels).requires_grad
    batch = torch.from_numpy(np.stack([IMAGE, IMAGE])).permute(0, 3, 1, 2)
    assert run.model.logits(batch).shape == (2, 1, 48, 48)
