"""Areas of each class against the rest, by data set and by image, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from segexp.metrics.bootstrap import dataset_intervals, draw_weights
from segexp.metrics.class_scores import ClassScores
from segexp.metrics.figures import dataset_leaves, image_leaves
from segexp.metrics.log_odds import log_odds
from segexp.metrics.scores import ScoreHistogram

NAMES = ("a", "b", "c")


def case(channels: int, images: int = 5) -> tuple[Tensor, Tensor]:
    """Logits (N, K, H, W) and truths; class 1 is absent from the first image, the third counts nowhere."""
    generator = torch.Generator().manual_seed(channels)
    classes = max(channels, 2)
    truth = torch.randint(0, classes, (images, 20, 30), generator=generator).byte()
    truth[0][truth[0] == 1] = 0
    likely = torch.stack([(truth == k).float() for k in (range(classes) if channels > 1 else [1])], 1)
    logits = 2 * torch.randn(images, channels, 20, 30, generator=generator) + 2 * likely
    truth[:, :3] = 255
    truth[2] = 255
    return logits, truth


def measured(channels: int, size: int = 2) -> ClassScores:
    logits, truth = case(channels)
    scores = ClassScores(channels)
    for chosen in torch.arange(5).flip(0).split(size):
        scores.update(logits[chosen], truth[chosen], chosen)
    return scores


def slow(logits: Tensor, truth: Tensor, index: int) -> tuple[float, float]:
    """AUC and average precision of a class, by scikit-learn on softmax odds."""
    keep = truth != 255
    positive = (truth[keep] == (1 if logits.shape[1] == 1 else index)).numpy()
    if not positive.any() or positive.all():
        return np.nan, np.nan
    if logits.shape[1] == 1:
        score = logits[:, 0][keep].double().numpy()
    else:
        probability = logits.double().softmax(dim=1)[:, index][keep]
        score = (probability / (1 - probability)).log().numpy()
    return float(roc_auc_score(positive, score)), float(average_precision_score(positive, score))


@pytest.mark.parametrize("channels", [1, 3])
def test_as_in_sklearn(channels: int) -> None:
    logits, truth = case(channels)
    family = measured(channels).family(NAMES)
    pooled, by_image = dataset_leaves([family]), image_leaves([family])
    for index in range(channels):
        path = (NAMES[index],) if channels > 1 else ()
        for place, name in enumerate(("auc", "ap")):
            wanted = slow(logits, truth, index)[place]
            assert float(pooled[(name, *path)][0]) == pytest.approx(wanted, abs=1e-9)
            images = [slow(logits[i : i + 1], truth[i : i + 1], index)[place] for i in range(5)]
            np.testing.assert_allclose(by_image[(name, *path)], images, atol=1e-9)
    assert np.isnan(by_image["auc", *(("b",) if channels > 1 else ())][[0, 2]]).all()
    if channels > 1:
        assert pooled["mean", "auc"][0] == pytest.approx(np.mean([pooled["auc", n][0] for n in NAMES]))


@pytest.mark.parametrize("channels", [1, 3])
def test_batches_change_nothing(channels: int) -> None:
    one = measured(channels, 1).family(NAMES)
    for size in (3, 8):
        other = measured(channels, size).family(NAMES)
        np.testing.assert_array_equal(one.sums, other.sums)
        for leaves in (dataset_leaves, image_leaves):
            for path, value in leaves([one]).items():
                np.testing.assert_array_equal(value, leaves([other])[path])


def test_the_curve_is_that_of_the_validation() -> None:
    logits, truth = case(1)
    histogram = ScoreHistogram()
    histogram.update(logits, truth)
    curve = measured(1).curve()
    assert curve.auc() == histogram.compute().auc()
    assert curve.roc() == histogram.compute().roc()


def test_log_odds_survive_certainty() -> None:
    logits = torch.tensor([80.0, -20.0, 0.0]).view(3, 1, 1)
    assert log_odds(logits, 0).item() == pytest.approx(80.0)
    assert log_odds(logits, 1).item() == pytest.approx(-100.0)
    assert torch.equal(log_odds(logits[:1], 0), logits[0])


def against_the_rest(logits: Tensor, index: int) -> Tensor:
    """Log-odds of a class, by the definition, pixel by pixel of (N, K, H, W)."""
    wide = logits.double()
    others = torch.cat((wide[:, :index], wide[:, index + 1 :]), dim=1)
    return wide[:, index] - others.logsumexp(dim=1)


@pytest.mark.parametrize("scale", [1e-6, 1e-3, 1.0, 1e4])
@pytest.mark.parametrize("shift", [(0.0, 0.0, 0.0), (40.0, 40.0, 40.0), (0.0, 7.0, -3.0)])
def test_any_scale_and_shift_of_three_classes(scale: float, shift: tuple[float, ...]) -> None:
    logits, truth = case(3)
    logits = logits * scale + torch.tensor(shift).view(1, 3, 1, 1)
    scores = ClassScores(3)
    scores.update(logits, truth, torch.arange(5))
    pooled = dataset_leaves([scores.family(NAMES)])
    keep = truth != 255
    for index, name in enumerate(NAMES):
        odds = against_the_rest(logits, index)[keep].numpy()
        positive = (truth[keep] == index).numpy()
        assert pooled["auc", name][0] == pytest.approx(roc_auc_score(positive, odds), abs=1e-6)
        assert pooled["ap", name][0] == pytest.approx(average_precision_score(positive, odds), abs=1e-6)


@pytest.mark.parametrize("classes", [2, 3, 9])
def test_log_odds_by_the_definition(classes: int) -> None:
    logits = 20 * torch.randn(1, classes, 8, 9, generator=torch.Generator().manual_seed(classes))
    logits[0, :, 0, 0] = 3.0  # all alike
    logits[0, 1, 0, 1] = torch.inf
    for index in range(classes):
        wanted = against_the_rest(logits.double().nan_to_num(posinf=1e39), index)[0]
        torch.testing.assert_close(log_odds(logits[0], index), wanted, rtol=1e-13, atol=1e-13)


def test_few_pixels_at_a_time_change_no_log_odds(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(3).family(NAMES)
    monkeypatch.setattr("segexp.metrics.log_odds.PIECE", 77)
    monkeypatch.setattr("segexp.metrics.log_odds.TOGETHER", 700)
    other = measured(3).family(NAMES)
    np.testing.assert_array_equal(other.of_images()["auc"], whole.of_images()["auc"])
    np.testing.assert_array_equal(other.of_dataset()["ap"], whole.of_dataset()["ap"])


@pytest.mark.parametrize(("scale", "shift"), [(1e-6, 0.0), (1.0, 0.0), (1e-3, 300.0), (1e4, 0.0)])
def test_intervals_are_those_of_exact_figures(scale: float, shift: float) -> None:
    generator = torch.Generator().manual_seed(5)
    truth = (torch.rand(12, 40, 50, generator=generator) < torch.linspace(0.05, 0.4, 12).view(-1, 1, 1)).byte()
    gain = torch.linspace(0.3, 2.0, 12).view(-1, 1, 1)
    logits = scale * (torch.randn(12, 40, 50, generator=generator) + gain * truth) + shift
    scores = ClassScores(1)
    scores.update(logits.unsqueeze(1), truth, torch.arange(12))
    weights = draw_weights(12, 60, seed=3)
    found = dataset_intervals([scores.family(("a", "b"))], weights)
    for name, measure in (("auc", roc_auc_score), ("ap", average_precision_score)):
        drawn = [np.repeat(np.arange(12), row.astype(int)) for row in weights]
        figures = [measure(truth[some].flatten(), logits[some].flatten()) for some in drawn]
        wanted = np.quantile(figures, (0.025, 0.975))
        assert np.abs(found[(name,)] - wanted).max() < 0.05 * (wanted[1] - wanted[0])


def test_a_larger_set_of_more_classes_says_its_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    assert measured(3).bound == 0
    monkeypatch.setattr("segexp.metrics.class_scores.MOST_VALUES", 3000)
    scores = measured(3)
    assert 0 < scores.bound <= 1e-4
    wanted, found = (dataset_leaves([one.family(NAMES)]) for one in (measured(3), scores))
    for path, value in found.items():
        np.testing.assert_allclose(value, wanted[path], atol=scores.bound)
