import numpy as np
import pytest

from segexp.inference.localize.peaks import Peak
from segexp.inference.localize.scores import average_precision, compare_maps, score_image
from segexp.inference.localize.truth import Objects

TWO = Objects(np.array([[10.0, 10.0], [40.0, 10.0]]), np.array([[0.0, 0, 20, 20], [30, 0, 50, 20]]))


def test_a_peak_finds_one_object_once() -> None:
    found = score_image([Peak(18, 10, 0.9), Peak(11, 12, 0.8), Peak(47, 10, 0.3)], TWO, 10)
    assert (found.objects, found.inside, found.near) == (2, 1, 1)
    assert found.right.tolist() == [1, 0, 1]
    far = score_image([Peak(21, 10, 0.9)], TWO, 10)
    assert (far.inside, far.near, far.right.tolist()) == (0, 0, [0])


def test_an_image_without_objects_has_only_wrong_peaks() -> None:
    found = score_image([Peak(1, 1, 2.0)], Objects(boxes=np.zeros((0, 4))), 30)
    assert np.isnan(found.inside)
    assert np.isnan(found.near)
    assert found.right.tolist() == [0]


def test_average_precision_by_hand() -> None:
    images = [
        score_image([Peak(10, 10, 0.9), Peak(100, 100, 0.5), Peak(40, 10, 0.4)], TWO, 5),
        score_image([Peak(3, 3, 0.7)], Objects(boxes=np.zeros((0, 4))), 5),
    ]
    # right, wrong, wrong, right: precisions 1 and 2/4 at the two right ones, of two objects
    assert average_precision(images, np.ones((1, 2)))[0] == pytest.approx((1 + 0.5) / 2)
    # without the second image: 1 and 2/3; the first twice is the same as once
    found = average_precision(images, np.array([[1.0, 0.0], [2.0, 0.0], [0.0, 1.0]]))
    assert found[:2] == pytest.approx([(1 + 2 / 3) / 2] * 2)
    assert np.isnan(found[2])


def test_peaks_of_one_height_count_together() -> None:
    images = [score_image([Peak(10, 10, 1.0)], TWO, 5), score_image([Peak(90, 90, 1.0)], TWO, 5)]
    for order in (images, images[::-1]):
        assert average_precision(order, np.ones((1, 2)))[0] == pytest.approx(0.5 / 4)


def test_intervals_and_differences_are_paired() -> None:
    good = [score_image([Peak(10, 10, 1.0)], TWO, 5)] * 6 + [score_image([Peak(90, 90, 1.0)], TWO, 5)] * 2
    bad = [score_image([Peak(90, 90, 1.0)], TWO, 5)] * 8
    table = compare_maps({"good": good, "bad": bad}, "bad", 500, 0)
    assert table["good"]["value"] == {"inside": 0.75, "near": 0.75, "ap": pytest.approx(0.75 * 0.75 / 2)}
    assert table["good"]["difference"]["near"] == 0.75
    low, high = table["good"]["interval"]["near"]
    assert 0.3 < low < 0.75 < high <= 1
    assert table["good"]["difference_interval"]["near"] == [low, high]
    assert table["bad"]["difference_interval"] == {name: [0, 0] for name in ("inside", "near", "ap")}
    assert "interval" not in compare_maps({"bad": bad}, "bad", 0, 0)["bad"]
    again = compare_maps({"good": good, "bad": bad}, "bad", 500, 0)
    assert again == table
