"""clDice against worked examples and whole-image skeletons of scikit-image."""

import numpy as np
import pytest
from skimage.morphology import skeletonize, thin

from segexp.metrics.cldice import ClDice, skeleton
from segexp.metrics.regions import regions
from tests.metrics.scenes import drawn, figures, scene, seen


def test_half_a_line() -> None:
    """All of the predicted centreline is right, half of the true one is found: 2 * 1 * 1/2 / (3/2)."""
    image = seen(drawn("..........", "#####.....", ".........."), drawn("..........", "##########", ".........."))
    assert ClDice().sums(image, (1,)).tolist() == [[5, 5, 5, 10]]
    assert figures(ClDice(), image) == {"cldice": [pytest.approx(2 / 3)]}


def test_width_does_not_count_and_gaps_do() -> None:
    wide = np.zeros((15, 60), dtype=np.uint8)
    wide[4:11] = 1
    thin, cut = np.zeros_like(wide), wide.copy()
    thin[6:9] = 1
    cut[:, 20:40] = 0
    assert figures(ClDice(), seen(thin, wide))["cldice"] == [1.0]
    assert figures(ClDice(), seen(cut, wide))["cldice"][0] < 0.85


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("ignored", [True, False])
def test_against_skeletons_of_the_whole_image(seed: int, ignored: bool) -> None:
    image = scene(seed, 3, (60, 80), ignored)
    for index in (1, 2):
        predicted, true, _ = regions(image, index)
        lines, true_lines = skeletonize(predicted), skeletonize(true)
        precision, sensitivity = (lines & true).sum() / lines.sum(), (true_lines & predicted).sum() / true_lines.sum()
        wanted = 2 * precision * sensitivity / (precision + sensitivity)
        assert figures(ClDice(), image, (index,))["cldice"] == [pytest.approx(wanted)]


@pytest.mark.parametrize("seed", range(5))
def test_components_are_thinned_as_in_the_whole_image(seed: int) -> None:
    rng = np.random.default_rng(seed)
    for mask in (rng.random((40, 50)) < 0.55, regions(scene(seed), 1).truth, np.ones((2, 2), dtype=bool)):
        assert np.array_equal(skeleton(mask), skeletonize(mask))
        assert skeleton(mask).any()


def test_wide_things_are_thinned_by_their_edge_and_the_others_as_ever() -> None:
    mask = np.zeros((320, 460), dtype=bool)
    mask[10:200, 10:400] = True  # 190 wide
    mask[220:300, 10:400] = True  # 80 wide
    lines = skeleton(mask)
    assert np.array_equal(lines[:210], thin(mask[:210]))
    assert np.array_equal(lines[210:], skeletonize(mask[210:]))
    assert not np.array_equal(lines[:210], skeletonize(mask[:210]))


def test_next_to_it_is_a_total_miss() -> None:
    image = seen(drawn("####", "....", "...."), drawn("....", "....", "####"))
    assert figures(ClDice(), image) == {"cldice": [0.0]}


@pytest.mark.parametrize("many", [0, 5, 10**9])
def test_specks_thinned_together_are_thinned_as_one_by_one(many: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.metrics.cldice.MANY", many)
    rng = np.random.default_rng(0)
    mask = rng.random((90, 120)) < 0.3
    mask[20:60, 30:80] |= rng.random((40, 50)) < 0.6
    assert np.array_equal(skeleton(mask), skeletonize(mask))


def test_what_would_take_long_is_thinned_by_its_edge(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((160, 400), dtype=bool)
    mask[10:150, 10:100] = mask[70:90, 10:390] = True  # 90 wide at most
    assert np.array_equal(skeleton(mask), skeletonize(mask))
    monkeypatch.setattr("segexp.metrics.cldice.SLOW", 1000)
    assert np.array_equal(skeleton(mask), thin(mask))
