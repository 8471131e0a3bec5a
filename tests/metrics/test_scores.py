"""Threshold-free measures against scikit-learn and brute force."""

import math

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from segexp.metrics.curves import CURVE_POINTS, ScoreCurve
from segexp.metrics.scores import ScoreHistogram, histogram


def case(seed: int = 0, spread: float = 2.0, share: float = 0.1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    truth = (torch.rand(7, 40, 50, generator=generator) < share).to(torch.uint8)
    logits = spread * (torch.randn(7, 1, 40, 50, generator=generator) + 1.5 * truth.unsqueeze(1) - 1)
    truth[:, :5] = 255
    return logits, truth


def curve(logits: Tensor, truth: Tensor) -> ScoreCurve:
    metric = ScoreHistogram()
    metric.update(logits, truth)
    result = metric.compute()
    assert isinstance(result, ScoreCurve)
    return result


def valid(logits: Tensor, truth: Tensor) -> tuple[np.ndarray, np.ndarray]:
    keep = truth != 255
    return truth[keep].numpy(), logits[:, 0][keep].numpy()


@pytest.mark.parametrize("spread", [0.2, 2.0, 6.0])
@pytest.mark.parametrize("share", [0.02, 0.5])
def test_auc_and_ap_are_those_of_sklearn(spread: float, share: float) -> None:
    logits, truth = case(1, spread, share)
    found, wanted = curve(logits, truth), valid(logits, truth)
    assert found.auc() == pytest.approx(roc_auc_score(*wanted), abs=1e-4)
    # One shared bin among few positives moves a step of the precision by more.
    near = 1e-3 if spread < 1 else 1e-4
    assert found.average_precision() == pytest.approx(average_precision_score(*wanted), abs=near)


def test_ties_count_as_in_sklearn() -> None:
    logits, truth = case()
    logits = logits.round()
    found, wanted = curve(logits, truth), valid(logits, truth)
    assert found.auc() == pytest.approx(roc_auc_score(*wanted), abs=1e-12)
    assert found.average_precision() == pytest.approx(average_precision_score(*wanted), abs=1e-12)


def test_all_tied_is_chance() -> None:
    _, truth = case()
    found = curve(torch.zeros(7, 1, 40, 50), truth)
    assert found.auc() == 0.5
    assert found.average_precision() == pytest.approx(float((truth == 1).sum() / (truth != 255).sum()))


@pytest.mark.parametrize("size", [1, 3, 8])
def test_batch_size_does_not_matter(size: int) -> None:
    logits, truth = case()
    metric = ScoreHistogram()
    for chosen in torch.arange(7).split(size):
        metric.update(logits[chosen], truth[chosen])
    whole = ScoreHistogram()
    whole.update(logits, truth)
    assert torch.equal(metric.counts, whole.counts)
    assert metric.counts.sum() == (truth != 255).sum()


def dice_at(logits: Tensor, truth: Tensor, threshold: float) -> float:
    labels, scores = valid(logits, truth)
    called = scores >= threshold
    return float(2 * (called & (labels == 1)).sum() / (called.sum() + (labels == 1).sum()))


@pytest.mark.parametrize("seed", range(4))
def test_threshold_is_the_best_there_is(seed: int) -> None:
    logits, truth = case(seed)
    truth, logits = truth[:1], logits[:1]
    best = curve(logits, truth).best_threshold()
    assert best is not None
    assert dice_at(logits, truth, best.logit) == pytest.approx(best.dice, abs=1e-12)
    brute = max(dice_at(logits, truth, value) for value in logits.flatten().tolist())
    assert best.dice == pytest.approx(brute, abs=2e-3)
    edges = [(index - 16 * 2048) / 2048 for index in range(1, 32 * 2048, 7)]
    assert best.dice >= max(dice_at(logits, truth, edge) for edge in edges)
    assert best.probability == pytest.approx(1 / (1 + math.exp(-best.logit)))


def test_prediction_at_an_edge_agrees_with_the_bins() -> None:
    edge = 5 / 2048
    below = float(np.nextafter(np.float32(edge), np.float32(-1)))
    logits = torch.tensor([below, edge]).view(1, 1, 1, 2)
    best = curve(logits, torch.tensor([[[0, 1]]], dtype=torch.uint8)).best_threshold()
    assert best == (edge, pytest.approx(0.5006, abs=1e-4), 1.0)


@pytest.mark.parametrize(("low", "high", "wanted"), [(-5.0, 5.0, 0.0), (1.0, 3.0, 1 + 1 / 2048), (-3.0, -1.0, -1.0)])
def test_equally_good_thresholds_go_nearest_to_half(low: float, high: float, wanted: float) -> None:
    logits = torch.tensor([low, high]).view(1, 1, 1, 2)
    best = curve(logits, torch.tensor([[[0, 1]]], dtype=torch.uint8)).best_threshold()
    assert best is not None
    assert best.logit == wanted
    assert best.dice == 1


def test_everything_foreground_takes_every_float32() -> None:
    logits = torch.tensor([-30.0, -20.0, -1e30]).view(1, 1, 1, 3)
    best = curve(logits, torch.tensor([[[0, 1, 1]]], dtype=torch.uint8)).best_threshold()
    assert best is not None
    assert (logits >= best.logit).all()
    assert best.probability == 0
    assert best.dice == pytest.approx(0.8)


@pytest.mark.parametrize("value", [0, 1, 255])
def test_one_class_alone_is_undefined(value: int) -> None:
    found = curve(torch.randn(1, 1, 3, 3), torch.full((1, 3, 3), value, dtype=torch.uint8))
    assert found.auc() is None
    assert found.average_precision() is None
    assert found.roc() is None
    assert found.pr() is None
    assert found.best_threshold() is None


def test_extreme_logits_are_counted() -> None:
    logits = torch.tensor([-torch.inf, -1e9, 1e9, torch.inf]).view(1, 1, 1, 4)
    found = curve(logits, torch.tensor([[[0, 0, 1, 1]]], dtype=torch.uint8))
    assert found.auc() == 1


def test_curves_are_short_and_keep_their_area() -> None:
    logits, truth = case()
    found = curve(logits, truth)
    roc, pr = found.roc(), found.pr()
    assert roc is not None
    assert pr is not None
    for table in (roc, pr):
        lengths = {len(values) for values in table.values()}
        assert len(lengths) == 1
        assert 500 < lengths.pop() <= CURVE_POINTS
        assert table["logit"] == sorted(table["logit"], reverse=True)
    assert (roc["fpr"][0], roc["tpr"][0], roc["fpr"][-1], roc["tpr"][-1]) == (0, 0, 1, 1)
    assert np.trapezoid(roc["tpr"], roc["fpr"]) == pytest.approx(found.auc(), abs=1e-3)
    assert pr["recall"][-1] == 1
    middle = len(roc["logit"]) // 2
    labels, scores = valid(logits, truth)
    assert roc["tpr"][middle] == pytest.approx((scores[labels == 1] >= roc["logit"][middle]).mean())


def test_large_images_are_counted_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, truth = case(3)
    whole = histogram(logits, truth)
    monkeypatch.setattr("segexp.metrics.scores.BLOCK", 999)
    assert torch.equal(histogram(logits, truth), whole)
    assert int(whole.sum()) == int((truth != 255).sum())
