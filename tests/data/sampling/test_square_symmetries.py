"""The square symmetries by OpenCV equal albumentations', draw for draw and pixel for pixel."""

import random

import albumentations
import numpy as np
import pytest

from segexp.data.sampling.augment import Augment
from segexp.data.sampling.square_symmetries import D4

ELEMENTS = ("e", "r90", "r180", "r270", "v", "hvt", "h", "t")


@pytest.mark.parametrize(
    ("dtype", "shape"),
    [
        ("uint8", (5, 5)), ("uint8", (5, 5, 1)), ("uint8", (7, 7, 3)), ("uint16", (6, 6, 4)), ("float32", (5, 5, 8)),
        ("float32", (5, 5, 9)), ("uint8", (5, 5, 5)), ("uint8", (1, 1, 3)), ("int32", (5, 5)), ("uint8", (4, 7, 3)),
    ],
)  # fmt: skip
@pytest.mark.parametrize("element", ELEMENTS)
def test_each_element_moves_the_pixels_as_albumentations_does(element: str, dtype: str, shape: tuple[int, ...]) -> None:
    image = np.random.default_rng(0).integers(0, 200, shape).astype(dtype)
    moved, expected = D4().apply(image, element), albumentations.D4().apply(image, element)
    assert moved.dtype == expected.dtype
    np.testing.assert_array_equal(moved, expected)


def test_the_same_generators_draw_the_same_elements() -> None:
    image = np.random.default_rng(0).integers(0, 256, (9, 9, 3)).astype(np.uint8)
    drawn = []
    for transform in (D4(p=1.0), albumentations.D4(p=1.0)):
        compose = albumentations.Compose([transform])
        compose.set_random_state(np.random.default_rng(3), random.Random(3))
        drawn.append([compose(image=image, mask=image[..., 0]) for _ in range(40)])
    for ours, theirs in zip(*drawn, strict=True):
        np.testing.assert_array_equal(ours["image"], theirs["image"])
        np.testing.assert_array_equal(ours["mask"], theirs["mask"])
    assert len({each["image"].tobytes() for each in drawn[0]}) == 8


def test_the_d4_of_a_config_is_moved_by_opencv_and_others_stay_what_they_are() -> None:
    flip = albumentations.HorizontalFlip(p=0.5)
    augment = Augment(transforms=[albumentations.D4(p=0.25), flip])
    assert augment.compose is not None
    assert [type(each) for each in augment.compose.transforms] == [D4, albumentations.HorizontalFlip]
    assert [each.p for each in augment.compose.transforms] == [0.25, 0.5]
    # What a run says of itself names what the config names.
    assert [type(each) for each in augment.transforms] == [albumentations.D4, albumentations.HorizontalFlip]
