"""Counts of components against worked examples and a slow flood."""

from typing import Literal

import numpy as np
import pytest

from segexp.metrics.components import Components
from segexp.metrics.labels import label
from segexp.metrics.regions import Mask, regions
from tests.metrics.scenes import drawn, figures, scene, seen


def flood(mask: Mask, connectivity: int) -> list[int]:
    """Sizes of the components, found by walking from pixel to pixel."""
    left, sizes = set(map(tuple, np.argwhere(mask).tolist())), []
    while left:
        queue, size = [left.pop()], 0
        while queue:
            y, x = queue.pop()
            size += 1
            for dy in (-1, 0, 1):
                for dx in (-1, 0, 1):
                    if (connectivity == 8 or 0 in (dy, dx)) and (y + dy, x + dx) in left:
                        left.remove((y + dy, x + dx))
                        queue.append((y + dy, x + dx))
        sizes.append(size)
    return sorted(sizes)


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("seed", range(4))
def test_against_a_flood(seed: int, connectivity: Literal[4, 8]) -> None:
    image = scene(seed, 3)
    found = regions(image, 2)
    sizes = [flood(mask, connectivity) for mask in (found.truth, found.prediction)]
    labels, boxes = label(found.truth, connectivity)
    assert sorted(boxes[:, 4].tolist()) == sizes[0]
    assert np.bincount(labels.ravel())[1:].tolist() == boxes[:, 4].tolist()
    for min_size in (1, 4, 30):
        true, predicted = (sum(size >= min_size for size in each) for each in sizes)
        sums = Components(connectivity, min_size).sums(image, (2,))
        assert sums.tolist() == [[true, predicted, abs(true - predicted), 1]]


def test_corners_and_specks() -> None:
    image = seen(drawn("##....", "..#...", "...##."), drawn("##....", "......", "...##."))
    assert figures(Components(), image) == {"components_error": [1.0]}
    assert figures(Components(connectivity=4), image) == {"components_error": [1.0]}
    assert Components(connectivity=4).sums(image, (1,)).tolist() == [[2, 3, 1, 1]]
    assert Components(connectivity=4, min_size=2).sums(image, (1,)).tolist() == [[2, 2, 0, 1]]
    assert np.isnan(figures(Components(min_size=3, connectivity=4), image)["components_error"][0])


def test_ignored_pixels_cut() -> None:
    truth = drawn("##?##", "##?##")
    assert Components().sums(seen(np.ones((2, 5), dtype=np.uint8), truth), (1,)).tolist() == [[2, 2, 0, 1]]


def test_the_mean_over_images_leaves_out_those_without_any() -> None:
    images = [
        seen(drawn("#.#.#"), drawn("#....")),
        seen(drawn("....."), drawn(".....")),
        seen(drawn("....."), drawn("#.#.#")),
    ]
    values = Components().figures(np.stack([Components().sums(image, (1,)) for image in images]))["components_error"]
    assert values[:, 0].tolist() == pytest.approx([2.0, np.nan, 3.0], nan_ok=True)
