"""Threshold-free measures against scikit-learn and brute force."""

import io
import math
import pickle

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score
from torch import Tensor

from segexp.errors import DataError, DivergedError, MismatchError
from segexp.metrics.curves import CURVE_POINTS, ScoreCurve
from segexp.metrics.scores import EXACT, TOGETHER, ScoreHistogram


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
    assert found.auc() == pytest.approx(roc_auc_score(*wanted), abs=1e-12)
    assert found.average_precision() == pytest.approx(average_precision_score(*wanted), abs=1e-12)


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
    one, other = metric.compute(), whole.compute()
    assert (one.auc(), one.average_precision(), one.best_threshold()) == (
        other.auc(), other.average_precision(), other.best_threshold(),
    )  # fmt: skip
    assert one.roc() == other.roc()
    assert one.pixels == (truth != 255).sum()


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
    assert best.dice == pytest.approx(brute, abs=1e-12)
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


SCALES = [1e-6, 1e-3, 1.0, 1e2, 1e4]


def exact(logits: Tensor, truth: Tensor) -> None:
    """Areas and threshold are those of scikit-learn and of trying every threshold."""
    found, wanted = curve(logits, truth), valid(logits.float() if logits.dtype.itemsize < 4 else logits, truth)
    assert found.bound == 0
    assert found.auc() == pytest.approx(roc_auc_score(*wanted), abs=1e-9)
    assert found.average_precision() == pytest.approx(average_precision_score(*wanted), abs=1e-9)
    labels, scores = wanted
    precision, recall, _ = precision_recall_curve(labels, scores)
    dice = 2 * precision * recall / np.maximum(precision + recall, 1e-300)
    best = found.best_threshold()
    assert best is not None
    assert best.dice == pytest.approx(dice.max(), abs=1e-9)
    called = (torch.from_numpy(scores) >= best.logit).numpy()
    both = int((called & (labels == 1)).sum())
    assert 2 * both / int(called.sum() + labels.sum()) == pytest.approx(best.dice)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shift", [0.0, 0.3, -50.0, 3000.0])
def test_exact_at_any_scale_and_shift(scale: float, shift: float) -> None:
    logits, truth = case(2, share=0.05)
    exact(logits * scale + shift, truth)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_exact_in_other_precisions(dtype: torch.dtype) -> None:
    logits, truth = case(3)
    if dtype == torch.float64:
        logits = 1000 + 1e-9 * logits.double()  # all alike in float32
    exact(logits.to(dtype), truth)


def test_losses_that_keep_logits_together() -> None:
    # Of the size that Lovasz leaves: some thousandths, which shared a bin or two.
    logits, truth = case(4, spread=3e-4)
    wide, _ = case(4, spread=3.0)
    narrow, same = curve(logits, truth), curve(wide, truth)
    assert narrow.auc() == pytest.approx(same.auc(), abs=1e-5)
    assert narrow.average_precision() == pytest.approx(same.average_precision(), abs=1e-5)


@pytest.mark.parametrize("shape", ["few positives", "few negatives", "one of each", "blocks"])
def test_exact_for_lopsided_sets(shape: str, monkeypatch: pytest.MonkeyPatch) -> None:
    logits, truth = case(6)
    if shape == "blocks":
        monkeypatch.setattr("segexp.metrics.blocks.BLOCK", 7)
        monkeypatch.setattr("segexp.metrics.ranked.PIECE", 3)
        logits, truth = logits[:1, ..., :25].round(decimals=1), truth[:1, :, :25]
    elif shape == "one of each":
        logits, truth = torch.tensor([0.25, 0.5]).view(1, 1, 1, 2), torch.tensor([[[1, 0]]], dtype=torch.uint8)
    else:
        few = torch.rand(truth.shape, generator=torch.Generator().manual_seed(1)) < 2e-3
        truth = (few if shape == "few positives" else ~few).byte()
    exact(logits, truth)


def test_infinite_logits_are_ranked() -> None:
    logits = torch.tensor([-torch.inf, -torch.inf, -1e38, 0.0, 1e38, torch.inf, torch.inf]).view(1, 1, 1, 7)
    truth = torch.tensor([[[0, 1, 0, 1, 0, 1, 0]]], dtype=torch.uint8)
    found = curve(logits, truth)
    # 12 pairs: 5 right, 2 ties, by hand.
    assert found.auc() == pytest.approx((0.5 + 2 + 3.5) / 12)
    best = found.best_threshold()
    assert best is not None
    assert dice_at(logits, truth, best.logit) == best.dice


def test_thresholds_beyond_the_finite_stay_numbers() -> None:
    logits = torch.tensor([5e4, torch.inf]).view(1, 1, 1, 2)
    best = curve(logits, torch.tensor([[[0, 1]]], dtype=torch.uint8)).best_threshold()
    assert best is not None
    assert 5e4 < best.logit < math.inf
    assert best.dice == 1


def test_zeros_of_both_signs_are_tied() -> None:
    logits = torch.tensor([0.0, -0.0, 0.0, -0.0]).view(1, 1, 1, 4)
    assert curve(logits, torch.tensor([[[0, 1, 1, 0]]], dtype=torch.uint8)).auc() == 0.5


def test_nan_is_refused_in_words() -> None:
    metric = ScoreHistogram()
    metric.update(torch.tensor([0.0, torch.nan, 1.0]).view(1, 1, 1, 3), torch.tensor([[[0, 1, 1]]], dtype=torch.uint8))
    with pytest.raises(DivergedError, match="nan"):
        metric.compute()


@pytest.mark.parametrize(
    ("shape", "value", "words"),
    [((2, 1, 3, 4), 1, r"found logits \(2, 1, 3, 4\) and a mask \(2, 1, 3, 5\)"), ((2, 1, 3, 5), 2, r"holds \[2\]")],
)
def test_other_shapes_and_labels_are_refused(shape: tuple[int, ...], value: int, words: str) -> None:
    truth = torch.zeros((2, 3, 5) if value == 2 else (2, 1, 3, 5), dtype=torch.uint8)
    truth[0, 0, 0] = value
    with pytest.raises((MismatchError, DataError), match=words):
        ScoreHistogram().update(torch.zeros(shape), truth)


def batches(metric: ScoreHistogram, logits: Tensor, truth: Tensor) -> ScoreCurve:
    for one in range(len(truth)):
        metric.update(logits[one : one + 1], truth[one : one + 1])
    found: ScoreCurve = metric.compute()
    return found


@pytest.mark.parametrize("share", [0.002, 0.1])
@pytest.mark.parametrize("twice", [False, True])
def test_above_the_limit_the_bound_holds(share: float, twice: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.metrics.scores.PER_E_FOLD", 64)
    monkeypatch.setattr("segexp.metrics.scores.TOGETHER", 2 if twice else 16)
    generator = torch.Generator().manual_seed(8)
    truth = (torch.rand(7, 100, 100, generator=generator) < share).byte()
    # Each image has another range, as other scenes have.
    offset = torch.linspace(-3, 3, 7).view(7, 1, 1, 1)
    logits = torch.randn(7, 1, 100, 100, generator=generator) + 1.5 * truth.unsqueeze(1) + offset
    found, wanted = batches(ScoreHistogram(exact=9000), logits, truth), curve(logits, truth)
    assert found.bound == (3 / 64 if twice else 1 / 64)
    assert found.pixels == wanted.pixels == truth.numel()
    auc, ap = found.auc(), found.average_precision()
    assert auc is not None
    assert ap is not None
    assert 0 < abs(auc - wanted.auc()) <= found.bound
    assert abs(ap - wanted.average_precision()) <= found.bound
    best = found.best_threshold()
    assert best is not None
    assert abs(dice_at(logits, truth, best.logit) - best.dice) <= found.bound
    assert best.dice == pytest.approx(wanted.best_threshold().dice, abs=2 * found.bound)
    roc = found.roc()
    assert roc is not None
    assert (roc["fpr"][-1], roc["tpr"][-1]) == (1, 1)


def test_bounds_as_shipped() -> None:
    assert EXACT >= 5e7
    logits, truth = case(1)
    metric = ScoreHistogram(exact=100)
    assert 0 < batches(metric, logits, truth).bound <= 1e-4
    for _ in range(3 * TOGETHER):
        metric.update(logits[:1], truth[:1])
    assert set(map(int, metric.depths)) == {1, 2}
    assert 0 < metric.compute().bound <= 1e-4
    assert metric.compute().pixels == (truth != 255).sum() + 3 * TOGETHER * (truth[:1] != 255).sum()


def test_a_set_may_grow_after_it_was_computed() -> None:
    logits, truth = case()
    metric = ScoreHistogram()
    for one in range(7):
        metric.update(logits[one : one + 1], truth[one : one + 1])
        metric.compute().auc()
    assert metric.compute().auc() == curve(logits, truth).auc()
    metric.reset()
    assert batches(metric, logits[:2], truth[:2]).auc() == curve(logits[:2], truth[:2]).auc()


@pytest.mark.filterwarnings("ignore:The ``compute`` method:UserWarning")  # a state may come from a file
def test_a_state_is_stored_and_read_back() -> None:
    logits, truth = case()
    metric = ScoreHistogram()
    metric.persistent(True)
    metric.update(logits, truth)
    stored = io.BytesIO()
    torch.save(metric.state_dict(), stored)
    stored.seek(0)
    other = ScoreHistogram()
    other.persistent(True)
    other.load_state_dict(torch.load(stored, weights_only=True))
    assert other.compute().auc() == metric.compute().auc()
    assert pickle.loads(pickle.dumps(metric)).compute().auc() == metric.compute().auc()
