"""p-values of paired differences, against counts by hand and scipy."""

import numpy as np
import pytest
from scipy import stats

from segexp.report.comparison_page.significance import holm, sign_flip_p_values


def named(values: list[float]) -> dict[str, float]:
    return {str(place): value for place, value in enumerate(values)}


def test_all_signs_of_few_images_are_counted() -> None:
    # Of 8 flips of three equal differences, two have a mean as large: all kept, all negated.
    assert sign_flip_p_values([named([0.1, 0.1, 0.1])], seed=0) == [2 / 8]
    assert sign_flip_p_values([named([0.3, -0.3]), named([0.0, 0.0]), {}], seed=0) == [1.0, 1.0, None]


def test_it_is_the_exact_test_of_scipy() -> None:
    values = np.random.default_rng(1).normal(0.3, 1, 11)
    exact = stats.permutation_test((values,), np.mean, permutation_type="samples", n_resamples=np.inf, vectorized=False)
    assert sign_flip_p_values([named([*values])], seed=0) == [pytest.approx(exact.pvalue)]


def test_of_many_images_signs_are_drawn_the_same_for_the_same_seed() -> None:
    values = named([*np.random.default_rng(2).normal(0.25, 1, 80)])
    (first,) = sign_flip_p_values([values], seed=3)
    assert [first] == sign_flip_p_values([values], seed=3)
    assert first == pytest.approx(stats.ttest_1samp([*values.values()], 0).pvalue, abs=0.01)
    assert sign_flip_p_values([named([1.0] * 80)], seed=0) == [1 / 10_000]


def test_holm_multiplies_by_what_is_left_and_never_falls() -> None:
    # Holm 1979: .01 * 4, .013 * 3 (not below .04), .029 * 2, .04 * 1 (not below .058).
    assert holm([0.029, 0.01, None, 0.04, 0.013]) == pytest.approx([0.058, 0.04, None, 0.058, 0.04])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []
