"""Areas of each class against the rest, by data set and by image, against scikit-learn."""

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torch import Tensor

from segexp.metrics.class_scores import ClassScores, log_odds
from segexp.metrics.curves import areas
from segexp.metrics.figures import dataset_leaves, image_leaves
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
            assert float(pooled[(name, *path)][0]) == pytest.approx(wanted, abs=3e-4)
            images = [slow(logits[i : i + 1], truth[i : i + 1], index)[place] for i in range(5)]
            np.testing.assert_allclose(by_image[(name, *path)], images, atol=2e-3)
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
    (auc,), (ap,) = areas(histogram.counts[None].numpy())
    assert auc == pytest.approx(histogram.compute().auc(), abs=1e-12)
    assert ap == pytest.approx(histogram.compute().average_precision(), abs=1e-12)


def test_log_odds_survive_certainty() -> None:
    logits = torch.tensor([80.0, -20.0, 0.0]).view(3, 1, 1)
    assert log_odds(logits, 0).item() == pytest.approx(80.0)
    assert log_odds(logits, 1).item() == pytest.approx(-100.0)
    assert torch.equal(log_odds(logits[:1], 0), logits[0])
