"""Where windows lie and what they weigh."""

import numpy as np
import pytest

from segexp.windows.plan import FLOOR, Blend, WindowPlan


def totals(plan: WindowPlan) -> np.ndarray:
    """Sum of the weights of all windows at every pixel."""
    total = np.zeros((plan.height, plan.width))
    for number in range(len(plan)):
        row, column = divmod(number, len(plan.lefts))
        total[plan[number].slices] += np.outer(plan.row_weights[row], plan.column_weights[column])
    return total


def test_the_last_window_is_moved_inward() -> None:
    plan = WindowPlan(20, 26, 10, 0.25)
    # round(10 * 0.75) = 8
    assert plan.tops == [0, 8, 10]
    assert plan.lefts == [0, 8, 16]
    assert len(plan) == 9
    assert [plan[number] for number in (0, 4, 8)] == [(0, 0, 10, 10), (8, 8, 10, 10), (10, 16, 10, 10)]
    assert [plan.finished(row) for row in range(3)] == [8, 10, 20]


@pytest.mark.parametrize("blend", ["gaussian", "constant"])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.5, 0.9])
@pytest.mark.parametrize(("height", "width"), [(40, 40), (47, 16), (9, 51), (16, 33)])
def test_weights_add_up_to_one_everywhere(height: int, width: int, overlap: float, blend: Blend) -> None:
    plan = WindowPlan(height, width, 16, overlap, blend)
    np.testing.assert_allclose(totals(plan), 1.0, atol=1e-6)
    assert all(vector.min() > 0 for vector in (*plan.row_weights, *plan.column_weights))
    assert {window[2:] for window in (plan[n] for n in range(len(plan)))} == {(min(height, 16), min(width, 16))}


def test_a_pixel_that_one_window_sees_has_weight_one_exactly() -> None:
    plan = WindowPlan(28, 28, 16, 0.25)
    assert plan.tops == [0, 12]
    assert (plan.row_weights[0][:12] == 1.0).all()
    assert (plan.row_weights[1][4:] == 1.0).all()


def test_gaussian_falls_towards_the_border_as_nnunet_has_it() -> None:
    sides = WindowPlan(64, 128, 64, 0.5).column_weights
    # In the middle of the overlap of windows at 0 and 32 both weigh nearly the same; nearer to a centre, that one wins.
    assert sides[0][47] / sides[1][15] == pytest.approx(np.exp(-(15.5**2 - 16.5**2) / (2 * 8**2)), rel=1e-5)
    assert sides[0][34] > 0.9
    assert sides[1][2] < 0.1
    # The outermost pixel would weigh exp(-8) = 3e-4 of the centre.
    assert sides[1][0] / sides[0][32] == pytest.approx(FLOOR, rel=0.01)


def test_constant_is_the_mean() -> None:
    sides = WindowPlan(64, 96, 64, 0.5, "constant").column_weights
    assert (sides[0][:32] == 1).all()
    assert (sides[0][32:] == 0.5).all()


def test_an_image_not_larger_than_a_window_is_one_window() -> None:
    plan = WindowPlan(10, 7, 10, 0.25)
    assert [plan[n] for n in range(len(plan))] == [(0, 0, 10, 7)]
