"""Pixels per image and class, and the cache of what was looked at."""

from pathlib import Path

import numpy as np

from segexp.data.checks.survey import Survey, SurveyCache, class_counts, mean_and_std, survey_image
from segexp.data.items.item import Item
from segexp.spec import IGNORED


def test_counts_by_hand_without_ignored_pixels() -> None:
    masks = np.array([[[0, 0, 1], [255, 255, 2]], [[2, 2, 2], [2, 0, 255]]], dtype=np.uint8)
    items = [Item(str(number), np.zeros((2, 3, 3), np.uint8), mask) for number, mask in enumerate(masks)]
    found = [survey_image(item, 4) for item in items]
    assert class_counts(found).tolist() == [[2, 1, 1, 0], [1, 0, 4, 0]]
    assert [one.ignored for one in found] == [2, 1]
    assert [one.counted for one in found] == [4, 5]


def test_bands_change_nothing() -> None:
    rng = np.random.default_rng(0)
    mask = rng.choice(np.array([0, 1, IGNORED], np.uint8), (1500, 1000))
    image = rng.integers(0, 65536, (1500, 1000, 2)).astype(np.uint16)
    found = survey_image(Item("large", image, mask), 2)
    counted = image[mask != IGNORED].astype(object)
    assert found.sums == counted.sum(axis=0).tolist()
    assert found.squares == (counted**2).sum(axis=0).tolist()
    mean, std = mean_and_std([found])
    np.testing.assert_allclose(mean, image[mask != IGNORED].mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(std, image[mask != IGNORED].astype(np.float64).std(axis=0), rtol=1e-10)


class Known(Item):
    """An item that is known by a word."""

    @property
    def fingerprint(self) -> str:
        return self.name


def test_a_known_item_is_looked_at_once(tmp_path: Path) -> None:
    calls = []

    def look() -> Survey:
        calls.append(1)
        return Survey([3], 0, [1], [2])

    item = Known("one", np.zeros((1, 1, 1), np.uint8), np.zeros((1, 1), np.uint8))
    for _ in range(2):
        cache = SurveyCache("set")
        assert cache.get(item, look) == Survey([3], 0, [1], [2])
        cache.save()
    assert len(calls) == 1
    assert SurveyCache("another set").get(item, look) and len(calls) == 2
    cache.path.write_text("no JSON")
    assert SurveyCache("set").get(item, look) and len(calls) == 3
