"""Object scores against worked examples and a slow matching of sets of pixels."""

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment
from skimage.measure import label as label_skimage

from segexp.metrics.base import ImagePrediction
from segexp.metrics.objects import ObjectScores
from segexp.metrics.regions import Mask, regions
from tests.metrics.scenes import drawn, figures, scene, seen


def objects(mask: Mask, connectivity: int) -> list[set[tuple[int, ...]]]:
    labels, count = label_skimage(mask, return_num=True, connectivity=2 if connectivity == 8 else 1)
    return [set(map(tuple, np.argwhere(labels == number).tolist())) for number in range(1, count + 1)]


def slow(image: ImagePrediction, index: int, threshold: float, connectivity: int) -> tuple[int, int, int]:
    """TP, FP, FN: the most pairs, by assignment of a full table."""
    found = regions(image, index)
    true, predicted = objects(found.truth, connectivity), objects(found.prediction, connectivity)
    near = np.array([[len(t & p) / len(t | p) > threshold for p in predicted] for t in true], dtype=int)
    rows, columns = linear_sum_assignment(near.reshape(len(true), len(predicted)), maximize=True)
    hit = int(near[rows, columns].sum())
    return hit, len(predicted) - hit, len(true) - hit


@pytest.mark.parametrize("threshold", [0.0, 0.1, 0.3, 0.5, 0.75])
@pytest.mark.parametrize("seed", range(4))
def test_against_slow_matching(seed: int, threshold: float) -> None:
    image, some = scene(seed, 3), 0
    for index in (1, 2):
        for connectivity in (4, 8):
            wanted = slow(image, index, threshold, connectivity)
            sums = ObjectScores(threshold, connectivity).sums(image, (index,))  # type: ignore[arg-type]
            assert sums.tolist() == [list(wanted)]
            some += wanted[0]
    assert threshold > 0.5 or some > 0


def test_one_of_three_found_and_one_false() -> None:
    truth = drawn("##..##..##", "##..##..##")
    prediction = drawn("##..##....", "##.......#")  # whole, half, a quarter
    measure = ObjectScores()
    assert measure.sums(seen(prediction, truth), (1,)).tolist() == [[1, 2, 2]]
    found = figures(measure, seen(prediction, truth))
    assert found == {
        "object_f1": [pytest.approx(2 / 6)],
        "object_precision": [pytest.approx(1 / 3)],
        "object_recall": [pytest.approx(1 / 3)],
    }
    assert ObjectScores(0.49).sums(seen(prediction, truth), (1,)).tolist() == [[2, 1, 1]]
    assert ObjectScores(0.0).sums(seen(prediction, truth), (1,)).tolist() == [[3, 0, 0]]


def test_two_objects_grown_together_are_one() -> None:
    image = seen(drawn("#########"), drawn("####.####"))
    assert ObjectScores().sums(image, (1,)).tolist() == [[0, 1, 2]]
    assert ObjectScores(0.4).sums(image, (1,)).tolist() == [[1, 0, 1]]


def test_as_many_pairs_as_possible() -> None:
    """The best pair first (IoU 4/10) would leave the others alone; 1/6 and 3/8 make two pairs."""
    image = seen(drawn("#.########"), drawn("######.###"))
    assert ObjectScores(0.1).sums(image, (1,)).tolist() == [[2, 0, 0]]
    assert ObjectScores(0.38).sums(image, (1,)).tolist() == [[1, 1, 1]]


def test_missing_or_false_altogether_is_zero() -> None:
    there, nowhere = drawn("#.#"), drawn("...")
    for image in (seen(there, nowhere), seen(nowhere, there)):
        assert list(figures(ObjectScores(), image).values()) == [[0.0]] * 3
    assert np.isnan(list(figures(ObjectScores(), seen(nowhere, nowhere)).values())).all()
