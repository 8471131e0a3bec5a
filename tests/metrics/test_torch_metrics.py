"""Measures of torchmetrics are handed what they take, without 255: values are those of torchmetrics called directly."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torchmetrics as tm
from torch import Tensor
from torchmetrics import classification as tc
from torchmetrics import segmentation as ts

from segexp.errors import ConfigError
from segexp.metrics.bootstrap import dataset_intervals, draw_weights, image_intervals
from segexp.metrics.figures import dataset_leaves, image_leaves
from segexp.metrics.torch_inputs import class_inputs, innermost
from segexp.metrics.torch_metrics import TorchMetrics

CPU = torch.device("cpu")
NAMES = ("ground", "leaf", "stem")


def scene(classes: int) -> tuple[Tensor, Tensor]:
    """Probabilities (4, K, 9, 8) and class numbers (4, 9, 8), two rows ignored in the first two images."""
    generator = torch.Generator().manual_seed(3)
    logits = torch.randn(4, 1 if classes == 2 else classes, 9, 8, generator=generator)
    target = torch.randint(0, classes, (4, 9, 8), generator=generator).byte()
    target[:2, :2] = 255
    return logits.sigmoid() if classes == 2 else logits.softmax(1), target


def valid(classes: int) -> tuple[Tensor, Tensor]:
    """The counted pixels in a row: (N,) or (N, C), and (N,)."""
    likely, target = scene(classes)
    rows = likely.movedim(1, -1)[target != 255]
    return rows[:, 0] if classes == 2 else rows, target[target != 255].long()


def value(metric: tm.Metric, classes: int) -> dict[str, float]:
    """What is logged of a measure of the scene, updated in two batches."""
    found = TorchMetrics({"x": metric}, NAMES[:classes])
    likely, target = scene(classes)
    found.start(CPU)
    for part in (slice(0, 3), slice(3, 4)):
        found.update(likely[part], target[part])
    return found.values()


PIXELS: list[tuple[Callable[[], tm.Metric], int]] = [
    (lambda: tm.Accuracy(task="binary"), 2), (lambda: tm.F1Score(task="binary"), 2),
    (lambda: tm.JaccardIndex(task="binary"), 2), (tc.BinaryAUROC, 2), (tc.BinaryAveragePrecision, 2),
    (tc.BinaryMatthewsCorrCoef, 2), (lambda: tc.BinaryCalibrationError(n_bins=5), 2),
    (lambda: tc.BinarySpecificity(threshold=0.3), 2), (tm.MeanSquaredError, 2),
    (lambda: tc.MulticlassF1Score(3), 3), (lambda: tc.MulticlassJaccardIndex(3), 3), (lambda: tc.MulticlassAUROC(3), 3),
    (lambda: tc.MulticlassCohenKappa(3), 3), (lambda: tc.MulticlassAccuracy(3, average="micro", ignore_index=0), 3),
]  # fmt: skip


@pytest.mark.parametrize(("make", "classes"), PIXELS)
def test_pixels_in_a_row(make: Callable[[], tm.Metric], classes: int) -> None:
    found = value(make(), classes)
    assert found.keys() == {"x"}
    assert found["x"] == pytest.approx(float(make()(*valid(classes))), abs=1e-6)


def test_two_classes_as_two_of_many() -> None:
    likely, numbers = valid(2)
    wanted = tc.MulticlassRecall(2, average="none")(torch.stack([1 - likely, likely], 1), numbers)
    assert value(tc.MulticlassRecall(2, average="none"), 2) == {
        "x/ground": pytest.approx(float(wanted[0])), "x/leaf": pytest.approx(float(wanted[1])),
    }  # fmt: skip


@pytest.mark.parametrize("form", ["index", "one-hot", "mixed"])
@pytest.mark.parametrize("classes", [2, 3])
def test_masks_are_handed_over_one_by_one_without_ignored_pixels(form: Any, classes: int) -> None:
    likely, target = scene(classes)
    predicted = (likely[:, 0] >= 0.5).long() if classes == 2 else likely.argmax(1)
    keys: dict[str, Any] = {"num_classes": classes, "input_format": "index"}
    made: list[Callable[..., tm.Metric]] = [
        ts.MeanIoU,
        lambda **k: ts.MeanIoU(per_class=True, include_background=False, **k),
        lambda **k: ts.DiceScore(average="macro", **k),
        ts.GeneralizedDiceScore,
    ]
    for make in made:
        direct = make(**keys)
        for own, truth in zip(predicted, target, strict=True):
            kept = truth != 255
            direct.update(own[kept][None, None], truth[kept].long()[None, None])
        wanted = direct.compute().flatten().tolist()
        assert list(value(make(**{**keys, "input_format": form}), classes).values()) == pytest.approx(wanted)


def test_distances_see_the_first_class_where_pixels_are_ignored() -> None:
    likely, target = (each[..., :8, :] for each in scene(2))  # torchmetrics 1.9 fails of images that are not square
    ignored = target == 255
    predicted, truth = (x.masked_fill(ignored, 0) for x in ((likely[:, 0] >= 0.5).long(), target.long()))
    direct, found = (ts.HausdorffDistance(num_classes=2, input_format="index") for _ in range(2))
    direct.update(predicted, truth)
    for pair in class_inputs(found, likely, target):
        found.update(*pair)
    assert float(found.compute()) == pytest.approx(float(direct.compute()))


def test_wrappers_are_handed_what_the_measure_inside_takes() -> None:
    wrapped = tm.ClasswiseWrapper(tc.MulticlassF1Score(3, average=None), labels=list(NAMES))
    assert isinstance(innermost(wrapped), tc.MulticlassF1Score)
    wanted = tc.MulticlassF1Score(3, average=None)(*valid(3))
    found = value(wrapped, 3)
    assert found == {
        f"x/multiclassf1score_{name}": pytest.approx(float(v)) for name, v in zip(NAMES, wanted, strict=True)
    }
    assert isinstance(innermost(tm.MinMaxMetric(tc.BinaryAccuracy())), tc.BinaryAccuracy)


def test_an_image_without_a_counted_pixel_is_left_out() -> None:
    likely, target = scene(2)
    assert list(class_inputs(tc.BinaryAccuracy(), likely, torch.full_like(target, 255))) == []
    assert list(class_inputs(ts.MeanIoU(2), likely, torch.full_like(target, 255))) == []


def test_other_targets_are_handed_on_as_they_are() -> None:
    found = TorchMetrics({"psnr": tm.image.PeakSignalNoiseRatio(data_range=1.0)})
    one, other = torch.rand(2, 3, 8, 8), torch.rand(2, 3, 8, 8)
    found.start(CPU)
    found.update(one, other)
    assert found.values()["psnr"] == pytest.approx(float(-10 * (one - other).square().mean().log10()), rel=1e-5)


def test_curves_and_matrices_are_no_figures() -> None:
    for metric, words in (
        (tc.MulticlassConfusionMatrix(3), r"gives values of shape \(3, 3\)"),
        (tc.BinaryROC(), "gives a tuple"),
        (tc.BinaryStatScores(), r"gives values of shape \(5,\)"),
    ):
        with pytest.raises(ConfigError, match=rf"^metric.x: .*{words}, expected a number, one for each class"):
            value(metric, 3 if "Multiclass" in type(metric).__name__ else 2)


def test_figures_of_images_and_of_all_with_intervals_by_image() -> None:
    likely, target = scene(2)
    found = TorchMetrics({"f1": tc.BinaryF1Score(), "each": tc.MulticlassRecall(2, average=None)}, NAMES[:2])
    found.start(CPU)
    for index in ([2, 0], [1, 3]):
        found.update_images(likely[index], target[index], torch.tensor(index))
    families = list(found.families(4).values())
    whole = dataset_leaves(families)
    assert whole["f1",] == pytest.approx(float(tc.BinaryF1Score()(*valid(2))))
    images = image_leaves(families)
    for number in range(4):
        kept = target[number] != 255
        own = likely[number, 0][kept], target[number][kept].long()
        assert images["f1",][number] == pytest.approx(float(tc.BinaryF1Score()(*own)))
        assert images["each", "leaf"][number] == pytest.approx(float(tc.BinaryRecall()(*own)))
    weights = draw_weights(4, 50, 0)
    low, high = image_intervals(families, weights)["f1",]
    assert low < images["f1",].mean() < high
    assert dataset_intervals(families, weights) == {}
    assert found.described()["f1"].direction == "max"
    assert list(found.averaging()) == ["f1, each"]


def test_an_image_that_was_not_seen_has_no_figure() -> None:
    likely, target = scene(2)
    found = TorchMetrics({"f1": tc.BinaryF1Score()}, NAMES[:2])
    found.start(CPU)
    found.update_images(likely[:1], torch.full_like(target[:1], 255), torch.tensor([0]))
    found.update_images(likely[1:2], target[1:2], torch.tensor([1]))
    assert np.isnan(image_leaves(list(found.families(2).values()))["f1",]).tolist() == [True, False]
    assert TorchMetrics().values() == {} == TorchMetrics().families(3) == TorchMetrics().averaging()
    assert not math.isnan(found.values()["f1"])
