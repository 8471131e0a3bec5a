"""Score and class of a pixel in one number: nothing is lost, and what is made of it is as of the scores by class."""

import numpy as np
import pytest
import torch

from segexp.metrics.curves import ScoreCurve
from segexp.metrics.keys import LOWEST, keys_of, parted, scores_of
from segexp.metrics.scores import ScoreHistogram

EDGES = np.array([2**-63, 1.0000001, 1.0, 3.0, 2**64, 2**65 - 2**42], dtype=np.float32)
SCORES = np.concatenate([-EDGES[::-1], np.zeros(1, np.float32), EDGES[[0, 2, 1, 3, 4, 5]]])


def test_keys_are_in_order_as_scores_and_then_classes_are() -> None:
    scores = np.sort(SCORES).repeat(2)
    keys = keys_of(scores, np.tile(np.array([0, 1], np.uint8), len(SCORES)))
    assert keys is not None
    assert (np.diff(keys.astype(np.int64)) > 0).all()
    assert (scores_of(keys) == scores).all()
    negatives, positives = parted(keys)
    assert (negatives == positives).all()


def test_every_bit_of_a_score_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.metrics.keys.PIECE", 1000)
    rng = np.random.default_rng(0)
    bits = rng.integers(LOWEST, 3 * LOWEST - 1, 20_001, dtype=np.int32)
    scores = np.where(rng.random(len(bits)) < 0.5, 1, -1).astype(np.float32) * bits.view(np.float32)
    labels = rng.choice(np.array([0, 1, 255], np.uint8), len(bits))
    keys = keys_of(scores, labels)
    assert keys is not None
    assert (scores_of(keys) == scores[labels < 255]).all()
    assert ((keys & 1) == labels[labels < 255]).all()
    assert (keys.argsort(kind="stable") == np.lexsort((labels[labels < 255], scores[labels < 255]))).all()


@pytest.mark.parametrize("value", [2.0**-64, -1e-30, 2.0**65, -1e38, np.inf, -np.inf, np.nan])
def test_what_has_no_key_is_found(value: float) -> None:
    scores = np.array([0.0, -0.0, 1.0, value], dtype=np.float32)
    assert keys_of(scores, np.zeros(4, np.uint8)) is None
    assert keys_of(scores[:3], np.zeros(3, np.uint8)) is not None


def test_no_pixel_has_no_keys() -> None:
    for labels in (np.zeros(0, np.uint8), np.full(5, 255, np.uint8)):
        keys = keys_of(np.zeros(len(labels), np.float32), labels)
        assert keys is not None
        assert len(keys) == 0


def figures(curve: ScoreCurve) -> list[float | None]:
    best = curve.best_threshold()
    assert best is not None
    return [curve.auc(), curve.average_precision(), *best, curve.pixels]


@pytest.mark.parametrize("digits", [0, 1, 2, 7])
@pytest.mark.parametrize("block", [1, 7, 1 << 14])
def test_figures_are_those_of_scores_by_class(digits: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores in double precision have no keys; with few digits most of them are tied."""
    monkeypatch.setattr("segexp.metrics.blocks.BLOCK", block)
    monkeypatch.setattr("segexp.metrics.keys.BLOCK", block)
    generator = torch.Generator().manual_seed(digits)
    truth = (torch.rand(1, 30, 40, generator=generator) < 0.3).byte()
    logits = (torch.randn(1, 1, 30, 40, generator=generator) + truth).round(decimals=digits)
    keyed, by_class = ScoreHistogram(), ScoreHistogram()
    keyed.update(logits, truth)
    by_class.update(logits.double(), truth)
    assert len(keyed.keys) == len(by_class.negatives) == 1
    assert not len(keyed.negatives)
    one, other = keyed.compute(), by_class.compute()
    assert figures(one) == pytest.approx(figures(other), abs=1e-12)
    assert one.roc() == other.roc()
    assert one.pr() == other.pr()


def test_batches_with_and_without_keys_are_one_set() -> None:
    generator = torch.Generator().manual_seed(1)
    truth = (torch.rand(4, 20, 20, generator=generator) < 0.3).byte()
    logits = torch.randn(4, 1, 20, 20, generator=generator) + truth[:, None]
    logits[2, 0, 0, 0] = torch.inf
    by_image, whole = ScoreHistogram(), ScoreHistogram()
    for image in range(4):
        by_image.update(logits[image : image + 1], truth[image : image + 1])
        by_image.compute().auc()
    whole.update(logits, truth)
    assert figures(by_image.compute()) == figures(whole.compute())
