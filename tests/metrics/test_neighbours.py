"""The class of most of the nearest known points."""

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from segexp.metrics.neighbours import BLOCK, nearest_class

KNOWN = torch.tensor([[0.0], [1.0], [2.0], [10.0], [11.0]])
CLASSES = torch.tensor([0, 0, 1, 2, 2])


@pytest.mark.parametrize(
    ("neighbours", "expected"),
    [
        (1, [0, 1, 2]),
        (3, [0, 0, 2]),
        (5, [0, 0, 2]),  # two of class 0 and two of class 2: the nearest of them decides
        (99, [0, 0, 2]),
    ],
)
def test_most_of_the_nearest_decide(neighbours: int, expected: list[int]) -> None:
    found = nearest_class(KNOWN, CLASSES, torch.tensor([[0.4], [1.9], [12.0]]), neighbours)
    assert found.tolist() == expected


def test_agrees_with_scikit_learn_over_several_blocks() -> None:
    rng = np.random.default_rng(0)
    known, points = rng.normal(size=(300, 3)), rng.normal(size=(2 * BLOCK + 7, 3))
    classes = (known[:, 0] + 0.5 * rng.normal(size=300) > 0).astype(np.int64)  # two: five neighbours are never even
    theirs = KNeighborsClassifier(5).fit(known, classes).predict(points)
    ours = nearest_class(torch.from_numpy(known), torch.from_numpy(classes), torch.from_numpy(points), 5)
    assert np.array_equal(ours.numpy(), theirs)
