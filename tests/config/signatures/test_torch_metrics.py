"""Measures of torchmetrics in a config: names, directions and keys are known without importing torch."""

from typing import Any

import pytest
import torch

from segexp.config.checks.monitors import check_monitors
from segexp.config.checks.tree import check_config
from segexp.config.schema import TrainConfig
from segexp.config.signatures.signature import signature
from segexp.config.signatures.task_figures import SEGMENTATION, watched_direction
from segexp.config.signatures.torch_metrics import is_torch_metric, metric_direction, torch_metrics
from segexp.errors import ConfigError
from segexp.spec import DataSpec, ImageTarget, LabelTarget, MaskTarget
from segexp.training.building.torch_metrics import build_metrics
from tests.training.runs import composed

TWO = DataSpec(MaskTarget(("background", "vessel"), ((0, 0, 0), (255, 0, 0))))
THREE = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0),) * 3))


def block(name: str, **keys: Any) -> dict[str, Any]:
    return {"_target_": f"torchmetrics.{name}", **keys}


@pytest.mark.parametrize(
    ("section", "direction"),
    [
        (block("F1Score", task="binary"), "max"), (block("classification.MulticlassJaccardIndex"), "max"),
        (block("classification.BinaryCalibrationError"), "min"), (block("CalibrationError"), "min"),
        (block("MeanSquaredError"), "min"), (block("segmentation.MeanIoU"), "max"),
        (block("segmentation.HausdorffDistance"), "min"), (block("classification.BinaryROC"), None),
        (block("wrappers.ClasswiseWrapper", metric=block("classification.MulticlassF1Score")), "max"),
        (block("image.PeakSignalNoiseRatio"), "max"),
    ],
)  # fmt: skip
def test_which_way_is_better(section: dict[str, Any], direction: str | None) -> None:
    assert is_torch_metric(section)
    assert metric_direction(section) == direction


def test_what_is_none() -> None:
    for other in ({"_target_": "segexp.metrics.cldice.ClDice"}, {"_target_": "torch.nn.Linear"}, {}, 3, block("x.Y")):
        assert not is_torch_metric(other)
    sections = {"f1": block("F1Score"), "hd95": {"_target_": "segexp.metrics.distances.HausdorffDistance"}}
    assert torch_metrics(sections) == {"f1": "max"} and torch_metrics(None) == {}


def test_keys_are_all_those_that_the_class_and_the_ones_above_it_take() -> None:
    found = signature("torchmetrics.classification.BinaryF1Score")
    assert found is not None and not found.open
    assert {"threshold", "ignore_index", "sync_on_compute", "compute_on_cpu"} <= set(found.parameters)


@pytest.mark.parametrize(
    ("metric", "monitor", "message"),
    [
        ({"f1": block("F1Score")}, "val/f1", None),
        ({"f1": block("classification.MulticlassF1Score", average="none", num_classes="auto")}, "val/f1/vessel", None),
        (
            {"f1": block("F1Score", thresold=0.3)},
            "val/f1",
            "metric.f1.thresold: no such key. Did you mean",
        ),
        ({"f1": block("F1Score", task="binry")}, "val/f1", "metric.f1.task: found 'binry'.*Did you mean 'binary'"),
        ({"f1": block("F1Scor")}, "val/f1", "torchmetrics has no 'F1Scor'. Did you mean 'F1Score'"),
        ({"f1": block("F1Score")}, "val/f2", "nothing is logged as 'val/f2'"),
        ({"f1": block("F1Score")}, "test/f1", "monitor: found 'test/f1', expected a measure of the validation"),
        ({"iou": block("JaccardIndex")}, "val/iou", "metric.iou: .*name that is taken, .*write metric.my_iou"),
        ({"roc": block("classification.BinaryROC")}, "val/roc", "monitor: val/roc: .*does not say which way is better"),
    ],
)
def test_a_config_is_checked_with_its_measures(metric: dict[str, Any], monitor: str, message: str | None) -> None:
    plain = {**composed().plain(), "metric": metric, "monitor": monitor}

    def check() -> None:
        check_config(plain, TrainConfig)
        check_monitors(plain)

    if message is None:
        check()
        assert watched_direction(monitor, SEGMENTATION, metric) == "max"
        return
    with pytest.raises(ConfigError, match=message):
        check()


def test_number_of_classes_and_kind_of_task_come_from_the_data() -> None:
    sections = {
        "f1": block("F1Score", average="macro"),
        "k": block("classification.MulticlassCohenKappa", num_classes="auto"),
    }
    two, three = (build_metrics(sections, spec).metrics for spec in (TWO, THREE))
    assert [type(one["f1"]).__name__ for one in (two, three)] == ["BinaryF1Score", "MulticlassF1Score"]
    assert [one["k"].num_classes for one in (two, three)] == [2, 3]
    inner = {"each": block("wrappers.ClasswiseWrapper", metric=block("classification.MulticlassF1Score", average=None))}
    assert build_metrics(inner, THREE).metrics["each"].metric.num_classes == 3  # type: ignore[union-attr]
    both = build_metrics({"f1": block("F1Score", average="none")}, TWO)
    assert type(both.metrics["f1"]).__name__ == "MulticlassF1Score"
    both.start(torch.device("cpu"))
    both.update(torch.tensor([0.2, 0.9, 0.8, 0.4]).view(1, 1, 2, 2), torch.tensor([[[0, 1], [0, 0]]]))
    assert both.values() == {f"f1/{TWO.classes[0]}": pytest.approx(0.8), f"f1/{TWO.classes[1]}": pytest.approx(2 / 3)}
    label = DataSpec(LabelTarget(("a", "b", "c")))
    assert set(build_metrics({"auroc": block("AUROC")}, label).metrics) == {"auroc"}
    image = {"ssim": block("image.StructuralSimilarityIndexMeasure", data_range=1.0), "mse": block("MeanSquaredError")}
    assert set(build_metrics(image, DataSpec(ImageTarget(3))).metrics) == {"ssim", "mse"}


@pytest.mark.parametrize(
    ("section", "spec", "message"),
    [
        (
            block("classification.BinaryF1Score"),
            THREE,
            "BinaryF1Score is for two classes, the data has 3.*MulticlassF",
        ),
        (
            block("classification.MulticlassF1Score", num_classes=5),
            THREE,
            "x.num_classes: found 5, the data has 3",
        ),
        (block("classification.BinaryROC"), TWO, "metric.x: BinaryROC gives a tuple, expected a number"),
        (block("MeanSquaredError"), THREE, "metric.x: its measuring of two images fails: "),
        (block("classification.BinaryF1Score", threshold=3.0), TWO, "metric.x.threshold: found 3.0: "),
    ],
)
def test_what_cannot_be_measured_is_said_before_training(section: dict[str, Any], spec: DataSpec, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_metrics({"x": section}, spec)
