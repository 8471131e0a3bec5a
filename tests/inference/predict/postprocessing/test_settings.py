import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.draw import disk
from skimage.measure import label

from segexp.errors import ConfigError
from segexp.inference.predict.postprocessing.objects import postprocess
from segexp.inference.predict.postprocessing.settings import Postprocess
from segexp.spec import DataSpec, MaskTarget

TWO = DataSpec(MaskTarget(("ground", "roof"), ((0, 0, 0), (255, 100, 0))))
THREE = DataSpec(MaskTarget(("a", "b", "c"), ((0, 0, 0), (255, 0, 0), (0, 0, 255))))


def rows(*lines: str) -> NDArray[np.uint8]:
    """``.`` is 0, ``x`` no data."""
    numbers = {".": 0, "x": 255}
    return np.array([[numbers.get(c, int(c) if c.isdigit() else 0) for c in line] for line in lines], np.uint8)


def test_nothing_is_done_unless_asked() -> None:
    assert not Postprocess().is_on
    mask = rows("1.1", "...")
    np.testing.assert_array_equal(postprocess(mask, Postprocess(), 2), mask)


def test_specks_go_and_their_size_is_inclusive() -> None:
    mask = rows("11...", "..x.1", "....1", "....1")
    found = postprocess(mask, Postprocess(min_size=3), 2)
    np.testing.assert_array_equal(found, rows(".....", "..x.1", "....1", "....1"))
    assert mask[0, 0] == 1  # the mask given stays


def test_holes_are_filled_only_wholly_inside() -> None:
    mask = rows("111..", "1.1.1", "111.1", "1xx11", "11111")
    assert (
        postprocess(mask, Postprocess(fill_holes=1), 2).tolist()
        == rows("111..", "111.1", "111.1", "1xx11", "11111").tolist()
    )
    ring = rows("11111", "1...1", "11111")
    np.testing.assert_array_equal(postprocess(ring, Postprocess(fill_holes=2), 2), ring)
    assert postprocess(ring, Postprocess(fill_holes=3), 2).all()


def test_another_class_inside_is_no_hole() -> None:
    mask = rows("11111", "1.2.1", "11111")
    np.testing.assert_array_equal(postprocess(mask, Postprocess(fill_holes=9), 3), mask)


def test_hysteresis_grows_what_is_sure() -> None:
    probability = np.array([[0.9, 0.4, 0.4, 0.1, 0.4], [0.1, 0.1, 0.4, 0.1, 0.4]], np.float32)
    mask = (probability >= 0.5).astype(np.uint8)
    mask[1, 2] = 255
    found = postprocess(mask, Postprocess(hysteresis=0.3), 2, probability)
    assert found.tolist() == [[1, 1, 1, 0, 0], [0, 0, 255, 0, 0]]


def test_touching_discs_are_parted_and_single_ones_stay() -> None:
    mask = np.zeros((60, 90), np.uint8)
    for centre in ((20, 20), (20, 38), (40, 70)):
        mask[disk(centre, 11)] = 1
    assert label(mask).max() == 2
    found = postprocess(mask, Postprocess(split=8), 2)
    assert label(found, connectivity=2).max() == 3
    assert (mask - found).sum() < 40
    np.testing.assert_array_equal(found[:, 55:], mask[:, 55:])


@pytest.mark.parametrize("angle", [0, 15, 45, 100, 165])
def test_parted_objects_do_not_even_touch_at_a_corner(angle: int) -> None:
    """As objects are counted: by the polygons, by the metrics, and by whoever labels the mask."""
    mask = np.zeros((80, 80), np.uint8)
    away = 12 * np.array([np.sin(np.deg2rad(angle)), np.cos(np.deg2rad(angle))])
    for centre in (40 - away, 40 + away):
        mask[disk(tuple(centre), 14)] = 1
    assert label(postprocess(mask, Postprocess(split=8), 2), connectivity=2).max() == 2


def test_settings_that_cannot_be() -> None:
    with pytest.raises(ConfigError, match="is for two classes, the model has 3"):
        Postprocess(hysteresis=0.3).check(THREE, None)
    with pytest.raises(ConfigError, match=r"found 0.5, must be below the threshold, 0.400"):
        Postprocess(hysteresis=0.5).check(TWO, 0.4)
    Postprocess(hysteresis=0.3).check(TWO, 0.4)
    Postprocess(min_size=3).check(THREE, None)
