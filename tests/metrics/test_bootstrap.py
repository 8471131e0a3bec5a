"""Intervals against a slow bootstrap that draws images one by one, and against the truth of a simulation."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from segexp.metrics.bootstrap import dataset_intervals, draw_weights, image_intervals
from segexp.metrics.class_scores import ClassScores
from segexp.metrics.figures import Array, Family
from segexp.metrics.measures import count_family


def counts(seed: int, images: int) -> torch.Tensor:
    """Confusion matrices of two classes of images that differ in difficulty; class b is absent from one."""
    rng = np.random.default_rng(seed)
    positive = rng.integers(50, 400, images)
    hit = rng.binomial(positive, rng.beta(8, 3, images))
    false = rng.binomial(1000 - positive, 0.1)
    positive[0] = hit[0] = false[0] = 0
    rows = [[[1000 - p - f, f], [p - h, h]] for p, h, f in zip(positive, hit, false, strict=True)]
    return torch.from_numpy(np.array(rows))


def pooled_dice(rows: NDArray[np.int64]) -> float:
    total = rows.sum(axis=0)
    return float(2 * total[1, 1] / (total[1].sum() + total[:, 1].sum()))


def mean_dice(rows: NDArray[np.int64]) -> float:
    found = [pooled_dice(row[None]) for row in rows if row[1].sum() + row[:, 1].sum()]
    return float(np.mean(found))


@pytest.mark.parametrize(
    ("measure", "intervals"), [(pooled_dice, dataset_intervals), (mean_dice, image_intervals)], ids=["pooled", "mean"]
)
def test_as_a_slow_bootstrap(
    measure: Callable[[NDArray[np.int64]], float],
    intervals: Callable[[list[Family], Array], dict[tuple[str, ...], Array]],
) -> None:
    matrices = counts(0, 12)
    found = intervals([count_family(matrices, ("a", "b"))], draw_weights(12, 4000, seed=1))
    rng = np.random.default_rng(99)
    rows = matrices.numpy()
    slow = [measure(rows[rng.integers(0, 12, 12)]) for _ in range(4000)]
    np.testing.assert_allclose(found["dice", "b"], np.quantile(slow, (0.025, 0.975)), atol=0.008)
    assert found["dice", "b"][0] < measure(rows) < found["dice", "b"][1]


def test_the_same_samples_drawn_one_by_one() -> None:
    """Exactly: each row of the weights is a list of images, each as often as it says."""
    matrices, weights = counts(1, 7), draw_weights(7, 50, seed=3)
    rows = matrices.numpy()
    drawn = [rows[np.repeat(np.arange(7), row.astype(int))] for row in weights]
    family = count_family(matrices, ("a", "b"))
    for found, measure in ((dataset_intervals, pooled_dice), (image_intervals, mean_dice)):
        wanted = np.quantile([measure(sample) for sample in drawn], (0.025, 0.975))
        np.testing.assert_allclose(found([family], weights)["dice", "b"], wanted, rtol=1e-12)


def test_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    family, weights = count_family(counts(2, 9), ("a", "b")), draw_weights(9, 100, seed=0)
    whole = dataset_intervals([family], weights)
    monkeypatch.setattr("segexp.metrics.bootstrap.CHUNK", 40)
    for path, pair in dataset_intervals([family], weights).items():
        np.testing.assert_array_equal(pair, whole[path])


def test_the_seed_alone_decides() -> None:
    np.random.seed(0)
    first = draw_weights(5, 20, seed=7)
    np.random.seed(1)
    np.testing.assert_array_equal(first, draw_weights(5, 20, seed=7))
    assert (first != draw_weights(5, 20, seed=8)).any()
    assert (first.sum(axis=1) == 5).all()
    assert first.min() == 0


def test_coverage_of_a_known_mean() -> None:
    """Of 300 data sets of 30 images, about 95 of 100 intervals hold the true mean."""
    rng = np.random.default_rng(0)
    held = 0
    weights = draw_weights(30, 500, seed=0)
    for _ in range(300):
        shares = rng.beta(5, 2, size=30)
        family = Family(np.zeros((30, 1)), lambda sums: {}, (), pooled=False, exact_images={"x": shares})
        low, high = image_intervals([family], weights)["x",]
        held += low <= 5 / 7 <= high
    assert 0.89 <= held / 300 <= 0.98


@pytest.mark.filterwarnings("error")
def test_a_figure_that_no_sample_has_is_undefined() -> None:
    nothing = torch.tensor([[[9, 0], [0, 0]]] * 3)
    found = dataset_intervals([count_family(nothing, ("a", "b"))], draw_weights(3, 10, seed=0))
    assert np.isnan(found["dice", "b"]).all()
    assert found["dice", "a"].tolist() == [1.0, 1.0]
    # Absent from one image: samples of that image alone are left out.
    some = torch.tensor([[[9, 0], [0, 0]], [[5, 2], [1, 1]]])
    found = dataset_intervals([count_family(some, ("a", "b"))], draw_weights(2, 100, seed=0))
    assert found["dice", "b"].tolist() == [0.4, 0.4]


@pytest.mark.parametrize("spread", [0.05, 1.0, 4.0])
def test_areas_from_coarse_bins_are_those_of_fine_ones(spread: float) -> None:
    """The error of the coarse bins is below a hundredth of the interval's width; a tenth where few bins are used."""
    from sklearn.metrics import average_precision_score, roc_auc_score

    generator = torch.Generator().manual_seed(4)
    truth = (torch.rand(6, 40, 40, generator=generator) < 0.2).byte()
    shift = torch.rand(6, 1, 1, generator=generator)
    logits = spread * (torch.randn(6, 40, 40, generator=generator) + truth * (0.5 + shift))
    scores = ClassScores(1)
    scores.update(logits[:, None], truth, torch.arange(6))
    weights = draw_weights(6, 200, seed=0)
    found = dataset_intervals([scores.family(("a", "b"))], weights)
    samples = [torch.from_numpy(np.repeat(np.arange(6), row.astype(int))) for row in weights]
    for name, area in (("auc", roc_auc_score), ("ap", average_precision_score)):
        slow = [area(truth[chosen].flatten(), logits[chosen].flatten()) for chosen in samples]
        wanted = np.quantile(slow, (0.025, 0.975))
        assert np.abs(found[name,] - wanted).max() < 0.01 * (wanted[1] - wanted[0]) * (10 if spread < 1 else 1)
