"""Counts and measures against worked examples and a slow reference."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score, matthews_corrcoef
from torch import Tensor

from segexp.errors import DataError, UserError
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
    if tp + fp + fn == 0 or (name == "mcc" and tp == len(pairs)):
        return math.nan
    if name == "mcc":
        product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
        return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
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


@pytest.mark.parametrize("name", ["iou", "dice", "precision", "recall", "specificity", "mcc"])
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
        assert list(scores["mean"]) == ["iou", "dice", "precision", "recall", "specificity", "mcc"]
        for name, mean in scores["mean"].items():
            defined = [value for value in scores[name].values() if value is not None]  # type: ignore[literal-required]
            assert mean == pytest.approx(sum(defined) / len(defined))
        for mean, table in (("miou", "iou"), ("mdice", "dice")):
            values = list(scores[table].values())  # type: ignore[literal-required]
            assert scores[mean] == pytest.approx(sum(values) / 3)  # type: ignore[literal-required]
        assert scores["classes_averaged"] == 3


@pytest.mark.parametrize("seed", range(5))
def test_mcc_and_kappa_are_those_of_sklearn(seed: int) -> None:
    prediction, truth = case(seed, images=6)
    matrices = confusion(prediction, truth, 3)
    keep = truth != 255
    wanted, found = truth[keep].numpy(), prediction[keep].numpy()
    scores = dataset_scores(matrices, NAMES)
    assert scores["mcc_overall"] == pytest.approx(matthews_corrcoef(wanted, found), abs=1e-12)
    assert scores["kappa"] == pytest.approx(cohen_kappa_score(wanted, found), abs=1e-12)
    for index, name in enumerate(NAMES):
        one = matthews_corrcoef(wanted == index, found == index)
        assert scores["mcc"][name] == pytest.approx(one, abs=1e-12)
    by_image = [(truth[i][keep[i]].numpy(), prediction[i][keep[i]].numpy()) for i in (0, 1, 2, 4, 5)]
    mean = np.mean([cohen_kappa_score(*pair) for pair in by_image])
    assert image_scores(matrices, NAMES)["kappa"] == pytest.approx(mean, abs=1e-12)


def test_mcc_of_two_classes_is_one_number() -> None:
    scores = dataset_scores(torch.tensor([[[50, 10], [5, 35]]]), ("a", "b"))
    wanted = (50 * 35 - 10 * 5) / math.sqrt(60 * 40 * 55 * 45)
    assert list(scores["mcc"].values()) == [pytest.approx(wanted)] * 2
    assert scores["mcc_overall"] == pytest.approx(wanted)
    # Cohen's worked form: agreement 0.85, by chance 0.6 * 0.55 + 0.4 * 0.45 = 0.51.
    assert scores["kappa"] == pytest.approx((0.85 - 0.51) / (1 - 0.51))


@pytest.mark.parametrize(
    ("matrix", "mcc_a", "mcc_b", "overall"),
    [
        ([[9, 0], [0, 0]], None, None, None),  # all a, predicted a: nothing to tell apart
        ([[0, 9], [0, 0]], 0.0, 0.0, 0.0),  # all a, predicted b
        ([[5, 4], [0, 0]], 0.0, 0.0, 0.0),  # all a, predicted both
        ([[5, 0], [4, 0]], 0.0, 0.0, 0.0),  # both, predicted a
        ([[5, 0], [0, 4]], 1.0, 1.0, 1.0),
        ([[0, 5], [4, 0]], -1.0, -1.0, -1.0),
    ],
)
def test_mcc_and_kappa_of_one_class(
    matrix: list[list[int]], mcc_a: float | None, mcc_b: float | None, overall: float | None
) -> None:
    scores = dataset_scores(torch.tensor([matrix]), ("a", "b"))
    assert scores["mcc"] == {"a": mcc_a, "b": mcc_b}
    assert scores["mcc_overall"] == overall
    assert (scores["kappa"] is None) == (overall is None)
    if overall is not None:
        assert np.sign(scores["kappa"] or 0.0) == np.sign(overall)


def test_counts_of_a_large_data_set_lose_no_digit() -> None:
    many = torch.tensor([[[3 * 10**11, 10**9], [2 * 10**9, 10**10]]])
    few = dataset_scores(many // 10**9, ("a", "b"))
    found = dataset_scores(many, ("a", "b"))
    assert found["mcc_overall"] == pytest.approx(few["mcc_overall"], abs=1e-12)
    assert found["kappa"] == pytest.approx(few["kappa"], abs=1e-12)


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


@pytest.mark.parametrize("block", [1, 100, 10**6])
def test_large_images_are_counted_in_blocks(block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    prediction, truth = case()
    whole = confusion(prediction, truth, 3)
    monkeypatch.setattr("segexp.metrics.counts.BLOCK", block)
    assert torch.equal(confusion(prediction, truth, 3), whole)
    with pytest.raises(DataError, match=r"holds \[7\]"):
        confusion(prediction, torch.full_like(truth, 7), 3)


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        (torch.tensor([[[0, 1, 2]]]), r"the prediction holds \[2\], expected 0..1"),
        (torch.tensor([[[0, 1, 255]]], dtype=torch.uint8), r"holds \[255\]"),
        (torch.tensor([[[-1, 1, 0]]]), r"holds \[-1\]"),
        (torch.tensor([[[0.0, 1.0, 0.0]]]), "torch.float32.*argmax"),
        (torch.tensor([[0, 1, 0]]), r"predictions \(1, 3\) and masks \(1, 1, 3\)"),
        (torch.tensor([[[[0, 1, 0]]]]), r"squeeze"),
    ],
)
def test_predictions_that_are_no_class_numbers_are_refused(prediction: Tensor, words: str) -> None:
    with pytest.raises(UserError, match=words):
        confusion(prediction, torch.tensor([[[0, 1, 255]]], dtype=torch.uint8), 2)
