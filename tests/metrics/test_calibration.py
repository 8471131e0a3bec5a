"""Calibration against torchmetrics, scikit-learn and worked examples."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.calibration import calibration_curve
from sklearn.metrics import brier_score_loss
from torchmetrics.functional.classification import binary_calibration_error

from segexp.metrics import calibration
from segexp.metrics.base import ImagePrediction
from segexp.metrics.calibration import Calibration, reliability
from segexp.spec import IGNORED
from tests.metrics.scenes import figures, scene, spec


def image(probability: list[float], truth: list[int]) -> ImagePrediction:
    """One row of pixels, two classes."""
    return ImagePrediction(
        np.zeros((1, len(truth)), np.uint8), np.array([truth], np.uint8), np.array([[probability]], np.float32)
    )


def flat(found: ImagePrediction, index: int) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """Probabilities and hits of the valid pixels."""
    assert found.probability is not None
    keep = found.truth != IGNORED
    return found.probability[0 if len(found.probability) == 1 else index][keep], found.truth[keep] == index


def test_worked_example() -> None:
    """Two bins: 0.2 and 0.4 with one of two true, 0.9 with all true, an ignored pixel."""
    found = figures(Calibration(bins=2), image([0.2, 0.4, 0.9, 0.7], [0, 1, 1, 255]))
    assert found["brier"] == [pytest.approx((0.04 + 0.36 + 0.01) / 3)]
    assert found["ece"] == [pytest.approx((2 * abs(0.5 - 0.3) + 0.1) / 3)]


def test_sums_are_counts_probabilities_and_hits_per_bin() -> None:
    sums = Calibration(bins=2).sums(image([0.0, 0.25, 0.5, 1.0], [0, 1, 0, 1]), (1,))
    # An edge belongs to the bin above it, 1 to the last bin.
    assert sums.tolist() == [[2, 2, 0.25, 1.5, 1, 1, 0.75**2 + 0.5**2]]
    points = reliability(sums)
    assert points.probability.tolist() == [[0.125, 0.75]]
    assert points.share.tolist() == [[0.5, 0.5]]
    assert points.pixels.tolist() == [[2, 2]]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("bins", [1, 10, 15])
def test_equal_to_torchmetrics_and_scikit_learn(seed: int, bins: int) -> None:
    found, measure = scene(seed, 3), Calibration(bins)
    values = figures(measure, found, (0, 1, 2))
    points = reliability(measure.sums(found, (0, 1, 2)))
    for index in range(3):
        p, t = flat(found, index)
        ece = binary_calibration_error(torch.from_numpy(p).double(), torch.from_numpy(t).long(), n_bins=bins)
        assert values["ece"][index] == pytest.approx(float(ece), abs=1e-6)
        assert values["brier"][index] == pytest.approx(brier_score_loss(t, p.astype(float)), abs=1e-9)
        share, mean = calibration_curve(t, p.astype(float), n_bins=bins)
        used = points.pixels[index] > 0
        assert points.share[index][used] == pytest.approx(share)
        assert points.probability[index][used] == pytest.approx(mean)
        assert np.isnan(points.share[index][~used]).all()
        assert points.pixels[index].sum() == len(p)


def test_sums_of_images_are_those_of_all_pixels() -> None:
    images, measure = [scene(seed) for seed in range(4)], Calibration()
    pooled = measure.figures(sum(measure.sums(each, (1,)) for each in images)[None])  # type: ignore[index]
    p, t = (np.concatenate(parts) for parts in zip(*(flat(each, 1) for each in images), strict=True))
    joined = figures(measure, ImagePrediction(np.zeros((1, len(t)), np.uint8), t[None].astype(np.uint8), p[None, None]))
    for name, values in joined.items():
        assert pooled[name][0].tolist() == pytest.approx(values, rel=1e-12)


def test_the_second_of_two_classes_and_every_one_of_more() -> None:
    assert list(Calibration().classes(spec(2))) == [1]
    assert list(Calibration().classes(spec(4))) == [0, 1, 2, 3]


def test_small_chunks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Calibration().sums(scene(0), (1,))
    monkeypatch.setattr(calibration, "CHUNK", 100)
    np.testing.assert_allclose(Calibration().sums(scene(0), (1,)), whole, rtol=1e-12)


def test_an_absent_class_is_judged_where_it_is_not() -> None:
    found = figures(Calibration(), image([0.1, 0.1], [0, 0]))
    assert found == {"brier": [pytest.approx(0.01)], "ece": [pytest.approx(0.1)]}


def test_calibrated_by_construction() -> None:
    """Truth drawn with the probabilities themselves: the error goes down to noise, the Brier score does not."""
    rng = np.random.default_rng(0)
    p = rng.random((1, 300, 300)).astype(np.float32)
    truth = (rng.random((300, 300)) < p[0]).astype(np.uint8)
    good = figures(Calibration(), ImagePrediction(truth, truth, p))
    over = figures(Calibration(), ImagePrediction(truth, truth, np.clip(3 * p - 1, 0, 1)))
    assert good["ece"][0] < 0.01
    assert over["ece"][0] > 0.1
    assert good["brier"][0] == pytest.approx(1 / 6, abs=0.005)  # mean of p (1 - p)
    assert over["brier"][0] > good["brier"][0]
