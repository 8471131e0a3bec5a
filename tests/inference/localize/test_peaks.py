import numpy as np

from segexp.inference.localize.peaks import Peak, blur, find_peaks


def test_peaks_are_apart_and_in_order() -> None:
    values = np.zeros((40, 60), np.float32)
    values[10, 50], values[12, 44], values[30, 5], values[39, 59] = 5, 4, 3, 0.5
    assert find_peaks(values, 8, 9, 0.2) == [Peak(50, 10, 5), Peak(5, 30, 3)]
    assert find_peaks(values, 8, 1, 0.2) == [Peak(50, 10, 5)]
    assert find_peaks(values, 3, 9, 0.0)[:3] == [Peak(50, 10, 5), Peak(44, 12, 4), Peak(5, 30, 3)]
    assert len(find_peaks(values, 3, 9, 0.05)) == 4  # the corner counts


def test_a_plateau_has_one_peak_in_its_middle() -> None:
    values = np.full((20, 20), -2, np.float32)
    values[4:9, 6:13] = -1
    assert find_peaks(values, 3, 5, 0.5)[0] == Peak(9, 6, -1)
    flat = find_peaks(np.ones((5, 7), np.float32), 3, 5, 0.5)
    assert flat[0] == Peak(3, 2, 1)


def test_blur_keeps_the_sum_and_lowers_the_top() -> None:
    values = np.zeros((41, 41), np.float32)
    values[20, 20] = 1
    found = blur(values, 3)
    assert abs(found.sum() - 1) < 1e-3
    assert abs(found[20, 20] - 1 / (2 * np.pi * 9)) < 2e-4
    assert blur(values, 0) is values
