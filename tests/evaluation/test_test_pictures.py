"""Which test images are shown."""

import pytest

from segexp.evaluation.test_pictures import select_images


@pytest.mark.parametrize("images", range(1, 11))
@pytest.mark.parametrize("count", range(11))
def test_counts_order_and_none_twice(images: int, count: int) -> None:
    scores = [((number * 7) % images) / images for number in range(images)]
    picked = select_images(scores, count)
    shown = min(images, count)
    indices = [index for _, index in picked]
    assert len(set(indices)) == len(indices) == shown
    values = [scores[index] for index in indices]
    assert values == sorted(values)
    ranks = [rank for rank, _ in picked]
    assert ranks == sorted(ranks, key=["worst", "middle", "best"].index)
    for rank in ("worst", "middle", "best"):
        assert abs(ranks.count(rank) - shown / 3) < 1
    if shown:
        assert min(scores) == values[0]
    if shown > 1:
        assert max(scores) == values[-1]


def test_the_middle_is_around_the_median() -> None:
    picked = select_images([float(number) for number in range(9)], 3)
    assert picked == [("worst", 0), ("middle", 4), ("best", 8)]


def test_equal_scores_keep_the_order_of_the_images() -> None:
    assert [index for _, index in select_images([0.5] * 4, 4)] == [0, 1, 2, 3]


def test_no_panels() -> None:
    assert select_images([0.1, 0.2], 0) == []
