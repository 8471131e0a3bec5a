"""Boundary IoU against worked examples and an erosion, step by step, by SciPy."""

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from segexp.metrics.base import ImagePrediction
from segexp.metrics.boundary_iou import BoundaryIoU
from tests.metrics.scenes import Masks, drawn, figures, scene, seen


def square(left: int, size: int = 10) -> Masks:
    """A square in an image of 30 x 40, whose diagonal is 50."""
    mask = np.zeros((30, 40), dtype=np.uint8)
    mask[10 : 10 + size, left : left + size] = 1
    return mask


def slow(image: ImagePrediction, index: int, width: int) -> float:
    def near(labels: Masks) -> np.ndarray[tuple[int, ...], np.dtype[np.bool_]]:
        return np.asarray((labels == index) & ~binary_erosion(labels == index, np.ones((3, 3)), iterations=width))

    predicted, true = near(image.prediction), near(image.truth)
    return float((predicted & true).sum() / (predicted | true).sum())


def test_a_square_one_pixel_off() -> None:
    """Width 1: rims of 36 pixels share 9 of the top and 9 of the bottom row; the IoU would be 90 / 110."""
    measure = BoundaryIoU(dilation_ratio=0.02)
    assert measure.sums(seen(square(11), square(10)), (1,)).tolist() == [[18, 54]]
    assert figures(measure, seen(square(11), square(10))) == {"boundary_iou": [pytest.approx(1 / 3)]}


def test_a_wide_rim_is_the_iou() -> None:
    assert figures(BoundaryIoU(1.0), seen(square(11), square(10)))["boundary_iou"] == [pytest.approx(90 / 110)]


@pytest.mark.parametrize(("ratio", "width"), [(0.0, 1), (0.02, 1), (0.04, 2), (0.05, 2), (0.07, 4)])
def test_the_width_is_rounded_and_at_least_one(ratio: float, width: int) -> None:
    rim = 100 - (10 - 2 * width) ** 2
    assert BoundaryIoU(ratio).sums(seen(square(10), square(10)), (1,)).tolist() == [[rim, rim]]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("ratio", "width"), [(0.02, 1), (0.05, 3), (0.1, 6)])
def test_against_erosion_by_scipy(seed: int, ratio: float, width: int) -> None:
    image = scene(seed, 3, ignored=False)  # the diagonal is 63.8
    wanted = [slow(image, index, width) for index in (1, 2)]
    assert figures(BoundaryIoU(ratio), image, (1, 2))["boundary_iou"] == pytest.approx(wanted)


def test_the_middle_of_an_object_does_not_count() -> None:
    truth, hollow = square(10), square(10)
    hollow[14:16, 14:16] = 0
    # Its inner rim is 12 pixels more, which the truth does not have.
    assert BoundaryIoU().sums(seen(hollow, truth), (1,)).tolist() == [[36, 36 + 12]]


def test_an_end_at_ignored_pixels_is_no_boundary() -> None:
    truth = drawn("#####???", "#####???", "#####???")
    assert BoundaryIoU().sums(seen(np.where(truth == 255, 0, truth), truth), (1,)).tolist() == [[11, 11]]
