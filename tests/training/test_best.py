"""The test uses the best checkpoint and its threshold; test images choose nothing."""

from typing import Any

import pytest
import torch
from torch import Tensor

from segexp.config.experiment import Experiment
from segexp.data.base import ImageDataModule
from segexp.metrics.counts import confusion
from segexp.metrics.measures import dataset_scores
from segexp.tasks.segmentation import Segmentation
from segexp.training.hardware import with_hardware
from segexp.training.prepare import prepare
from tests.training.conftest import Finished
from tests.training.runs import LEARNING, Done, go, without

SPOIL = "callbacks.extra=[{_target_: tests.training.parts.Spoil, epoch: %d}]"


def rebuilt(run: Done, name: str = "best") -> tuple[ImageDataModule, Segmentation]:
    """Data and model of a run, made anew from its checkpoint."""
    stored = getattr(run, name)
    prepared = prepare(with_hardware(Experiment.from_plain(stored["segexp"]["config"])), allocator=False)
    prepared.module.load_state_dict(stored["state_dict"])
    return prepared.datamodule, prepared.module.eval()


def logits_and_masks(datamodule: ImageDataModule, module: Segmentation, phase: str) -> tuple[Tensor, Tensor]:
    batches = list(getattr(datamodule, f"{phase}_dataloader")())
    with torch.inference_mode():
        logits = torch.cat([module(batch["image"])[:, 0] for batch in batches])
    return logits, torch.cat([batch["target"] for batch in batches])


def dice(logits: Tensor, masks: Tensor, threshold: float) -> float:
    counted = masks != 255
    predicted, true = (logits >= threshold) & counted, (masks == 1)
    return float(2 * (predicted & true).sum() / (predicted.sum() + true.sum()))


def scores(logits: Tensor, masks: Tensor, threshold: float) -> dict[str, Any]:
    return dict(dataset_scores(confusion((logits >= threshold).to(torch.uint8), masks, 2), ["a", "b"]))


@pytest.mark.parametrize("callbacks", ["default", "ema"])
def test_best_weights_are_tested_not_the_last(callbacks: str) -> None:
    done = go(*LEARNING, "trainer.max_epochs=3", f"callbacks={callbacks}", SPOIL % 2, "monitor=val/loss")
    assert done.content["checkpoint"]["epoch"] == done.best["epoch"] < done.last["epoch"] == 2
    figures = {}
    for name in ("best", "last"):
        datamodule, module = rebuilt(done, name)
        threshold = done.best["segexp"]["threshold_logit"]
        figures[name] = scores(*logits_and_masks(datamodule, module, "test"), threshold)
    tested = done.content["rows"][0]["dataset"]
    assert tested["miou"] == pytest.approx(figures["best"]["miou"], abs=1e-9)
    assert tested["accuracy"] == pytest.approx(figures["best"]["accuracy"], abs=1e-9)
    assert abs(tested["miou"] - figures["last"]["miou"]) > 0.01


def test_threshold_is_the_best_of_all(finished: Finished) -> None:
    datamodule, module = rebuilt(finished)
    logits, masks = logits_and_masks(datamodule, module, "val")
    edges = ((logits[masks != 255] * 2048).floor() / 2048).unique().tolist()
    brute = max(dice(logits, masks, edge) for edge in edges)
    threshold = finished.best["segexp"]["threshold_logit"]
    assert len(edges) > 1000
    assert dice(logits, masks, threshold) == pytest.approx(brute, abs=1e-7)
    assert brute > dice(logits, masks, 0.0)


def test_stored_threshold_is_used_in_the_test(finished: Finished) -> None:
    stored = finished.content["threshold"]
    assert stored["logit"] == finished.best["segexp"]["threshold_logit"] != 0.0
    assert stored["value"] == pytest.approx(float(torch.tensor(stored["logit"]).sigmoid()), rel=1e-6)
    logits, masks = logits_and_masks(*rebuilt(finished), "test")
    for row, threshold in zip(finished.content["rows"], (stored["logit"], 0.0), strict=False):
        assert row["dataset"]["miou"] == pytest.approx(scores(logits, masks, threshold)["miou"], abs=1e-9)
    first, second = (row["dataset"]["miou"] for row in finished.content["rows"][:2])
    assert first != second


def test_test_masks_choose_nothing() -> None:
    target = "datamodule._target_=tests.training.parts.%s"
    one = go(*LEARNING)
    two = go(*LEARNING, target % "OtherTestMasks")
    assert one.content["checkpoint"] == two.content["checkpoint"]
    assert one.content["threshold"] == two.content["threshold"]
    assert without(one.rows, "seconds") == without(two.rows, "seconds")
    assert one.content["rows"][0]["dataset"]["miou"] != two.content["rows"][0]["dataset"]["miou"]
    assert one.content["rows"][3]["note"] == two.content["rows"][3]["note"]


def test_test_and_validation_are_one_path() -> None:
    done = go(*LEARNING, "datamodule._target_=tests.training.parts.SameTestAsVal")
    row = done.rows[done.content["checkpoint"]["epoch"]]
    half = done.content["rows"][1]
    assert half["name"] == "model at 0.5"
    for measure in ("accuracy", "miou", "mdice", "auc", "ap"):
        assert half["dataset"][measure] == pytest.approx(float(row[f"val/{measure}"]), rel=1e-6), measure
    for measure in ("iou", "dice", "precision", "recall", "specificity"):
        for name in ("background", "building"):
            stored = float(row[f"val/{measure}/{name}"])
            assert half["dataset"][measure][name] == pytest.approx(stored, rel=1e-6), measure
            by_image = float(row[f"val/image_{measure}/{name}"])
            assert half["image"][measure][name] == pytest.approx(by_image, rel=1e-6), measure


def test_batch_size_of_the_evaluation_changes_nothing() -> None:
    one = go(*LEARNING, "datamodule.loader.eval_batch_size=1")
    three = go(*LEARNING, "datamodule.loader.eval_batch_size=3")
    assert one.content["checkpoint"]["epoch"] == three.content["checkpoint"]["epoch"]
    names = [name for name in one.rows[0] if name.startswith("val/") and "loss" not in name]
    assert len(names) > 20
    for first, second in zip(one.rows, three.rows, strict=True):
        for name in names:
            assert float(first[name]) == pytest.approx(float(second[name]), abs=1e-3), name
    tested = one.content["rows"][0]["dataset"]["miou"]
    assert three.content["rows"][0]["dataset"]["miou"] == pytest.approx(tested, abs=1e-3)


@pytest.mark.parametrize(
    ("monitor", "mode"), [("val/loss", "min"), ("val/loss/bce", "min"), ("val/auc", "max"), ("val/image_miou", "max")]
)
def test_direction_follows_the_table(monitor: str, mode: str) -> None:
    done = go(*LEARNING, "trainer.max_epochs=3", f"monitor={monitor}")
    values = [float(row[monitor]) for row in done.rows]
    best = min(values) if mode == "min" else max(values)
    checkpoint = done.content["checkpoint"]
    assert checkpoint["mode"] == mode
    assert len(set(values)) == 3
    assert checkpoint["epoch"] == values.index(best)
    assert checkpoint["value"] == pytest.approx(best, rel=1e-6)
