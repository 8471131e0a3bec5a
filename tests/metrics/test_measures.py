"""Counts and measures against worked examples and a slow reference."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segexp.errors import DataError
from segexp.metrics.counts import ConfusionCounts, confusion
from segexp.metrics.measures import PerClass, dataset_scores, image_scores

NAMES = ("a", "b", "c")


def case(seed: int = 0, images: int = 7) -> tuple[torch.Tensor, torch.Tensor]:
    """Predictions and truths with ignored pixels, absent classes and a wholly ignored image."""
    generator = torch.Generator().manual_seed(seed)
    truth = torch.randint(0, 3, (images, 6, 5), generator=generator).to(torch.uint8)
    prediction = torch.randint(0, 3, (images, 6, 5), generator=generator)
    truth[:, 0] = 255
    truth[1][truth[1] == 2] = 0  # class c absent, but predicted
    truth[2][truth[2] == 2] = 1  # class c absent from both
    prediction[2] = prediction[2].clamp(max=1)
    truth[3] = 255
    return prediction, truth


Masks = tuple[NDArray[np.bool_], NDArray[np.bool_]]


def slow(name: str, masks: Masks) -> float:
    """One measure of one class, pixel by pixel: truth and prediction as lists of booleans."""
    pairs = list(zip(*(mask.tolist() for mask in masks), strict=True))
    tp, fp = pairs.count((True, True)), pairs.count((False, True))
    fn, tn = pairs.count((True, False)), pairs.count((False, False))
    if name == "specificity":
        return tn / (tn + fp) if tn + fp else math.nan
    if tp + fp + fn == 0:
        return math.nan
    if tp == 0:
        return 0.0
    return {
        "iou": tp / (tp + fp + fn),
        "dice": 2 * tp / (2 * tp + fp + fn),
        "precision": tp / (tp + fp),
        "recall": tp / (tp + fn),
    }[name]


def slow_masks(prediction: torch.Tensor, truth: torch.Tensor, index: int) -> Masks:
    p, t = prediction.numpy().ravel(), truth.numpy().ravel()
    keep = t != 255
    return t[keep] == index, p[keep] == index


def same(found: PerClass, wanted: Sequence[float]) -> None:
    assert list(found) == list(NAMES)
    for value, number in zip(found.values(), wanted, strict=True):
        if math.isnan(number):
            assert value is None
        else:
            assert value == pytest.approx(number, abs=1e-12)


@pytest.mark.parametrize("name", ["iou", "dice", "precision", "recall", "specificity"])
@pytest.mark.parametrize("seed", range(3))
def test_against_slow_reference(name: str, seed: int) -> None:
    prediction, truth = case(seed)
    matrices = confusion(prediction, truth, 3)
    pooled = [slow(name, slow_masks(prediction, truth, index)) for index in range(3)]
    same(dataset_scores(matrices, NAMES)[name], pooled)  # type: ignore[literal-required]
    table = np.array(
        [[slow(name, slow_masks(p, t, index)) for index in range(3)] for p, t in zip(prediction, truth, strict=True)]
    )
    scores = image_scores(matrices, NAMES)
    same(scores[name], np.nanmean(table, axis=0).tolist())  # type: ignore[literal-required]
    if name == "iou":
        assert list(scores["images_averaged"].values()) == (~np.isnan(table)).sum(axis=0).tolist()


def test_means_are_those_of_the_tables() -> None:
    matrices = confusion(*case(), 3)
    for scores in (dataset_scores(matrices, NAMES), image_scores(matrices, NAMES)):
        for mean, table in (("miou", "iou"), ("mdice", "dice")):
            values = list(scores[table].values())  # type: ignore[literal-required]
            assert scores[mean] == pytest.approx(sum(values) / 3)  # type: ignore[literal-required]
        assert scores["classes_averaged"] == 3


def test_accuracy_pooled_and_per_image() -> None:
    prediction = torch.tensor([[[0, 0, 1, 1]], [[0, 0, 0, 0]], [[0, 0, 0, 0]]])
    truth = torch.tensor([[[0, 0, 1, 0]], [[0, 1, 255, 255]], [[255] * 4]], dtype=torch.uint8)
    matrices = confusion(prediction, truth, 2)
    assert dataset_scores(matrices, ("a", "b"))["accuracy"] == pytest.approx(4 / 6)
    assert image_scores(matrices, ("a", "b"))["accuracy"] == pytest.approx((3 / 4 + 1 / 2) / 2)


def test_finding_nothing_can_be_95_percent_right() -> None:
    """The worked example: 100 pixels, 5 of them ship, all predicted background."""
    truth = torch.zeros(1, 10, 10, dtype=torch.uint8)
    truth[0, 0, :5] = 1
    scores = dataset_scores(confusion(torch.zeros(1, 10, 10, dtype=torch.int64), truth, 2), ("sea", "ship"))
    assert scores["accuracy"] == pytest.approx(0.95)
    assert scores["iou"] == {"sea": pytest.approx(0.95), "ship": 0.0}
    assert scores["miou"] == pytest.approx(0.475)
    assert scores["dice"] == {"sea": pytest.approx(190 / 195), "ship": 0.0}
    assert scores["mdice"] == pytest.approx(0.487, abs=5e-4)
    assert scores["recall"] == {"sea": 1.0, "ship": 0.0}
    assert scores["precision"] == {"sea": pytest.approx(0.95), "ship": 0.0}
    assert scores["specificity"] == {"sea": 0.0, "ship": 1.0}


def test_absent_class_rule() -> None:
    nothing = torch.tensor([[[4, 0, 0], [0, 4, 0], [0, 0, 0]]])
    scores = dataset_scores(nothing, NAMES)
    assert scores["iou"] == {"a": 1.0, "b": 1.0, "c": None}
    assert (scores["miou"], scores["classes_averaged"]) == (1.0, 2)
    predicted = torch.tensor([[[4, 0, 1], [0, 4, 0], [0, 0, 0]]])
    scores = dataset_scores(predicted, NAMES)
    for name in ("iou", "dice", "precision", "recall"):
        assert scores[name]["c"] == 0.0  # type: ignore[literal-required]
    assert scores["classes_averaged"] == 3


@pytest.mark.parametrize("matrices", [torch.zeros(0, 3, 3).long(), torch.zeros(2, 3, 3).long()])
def test_nothing_counted_is_undefined(matrices: torch.Tensor) -> None:
    for scores in (dataset_scores(matrices, NAMES), image_scores(matrices, NAMES)):
        assert scores["accuracy"] is None
        assert scores["miou"] is None
        assert scores["classes_averaged"] == 0
        assert set(scores["specificity"].values()) == {None}


def test_rows_are_the_truth() -> None:
    truth = torch.tensor([[[0, 0, 1]]], dtype=torch.uint8)
    counts = confusion(torch.tensor([[[1, 1, 1]]]), truth, 2)
    assert counts.tolist() == [[[0, 2], [0, 1]]]
    assert counts.dtype == torch.int64
    assert torch.equal(confusion(torch.tensor([[[True, True, True]]]), truth, 2), counts)


def test_illegal_mask_values_are_named() -> None:
    truth = torch.tensor([[[0, 1, 7, 128, 255]]], dtype=torch.uint8)
    with pytest.raises(DataError, match=r"\[7, 128\], expected 0..1"):
        confusion(torch.zeros(1, 1, 5).long(), truth, 2)


@pytest.mark.parametrize("size", [1, 3, 8])
def test_batch_size_does_not_matter(size: int) -> None:
    prediction, truth = case()
    metric = ConfusionCounts(3)
    for chosen in torch.arange(7).split(size):
        metric.update(prediction[chosen], truth[chosen], chosen)
    ids, matrices = metric.compute()
    assert ids.tolist() == list(range(7))
    assert torch.equal(matrices, confusion(prediction, truth, 3))


def test_ids_are_sorted_and_doubles_count_once() -> None:
    prediction, truth = case()
    metric = ConfusionCounts(3)
    for order in ([5, 2, 0], [2, 5, 6]):
        metric.update(prediction[order], truth[order], torch.tensor(order))
    ids, matrices = metric.compute()
    assert ids.tolist() == [0, 2, 5, 6]
    assert torch.equal(matrices, confusion(prediction, truth, 3)[[0, 2, 5, 6]])
    metric.reset()
    with pytest.warns(UserWarning, match="before the ``update``"):
        ids, matrices = metric.compute()
    assert ids.shape == (0,)
    assert matrices.shape == (0, 3, 3)
