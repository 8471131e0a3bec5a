"""Random crops: place, content, rotation and zoom."""

from unittest import mock

import numpy as np
import pytest

from segexp.data.items.item import Image, Item, Mask
from segexp.data.sampling.crops import _warped, random_crop
from segexp.spec import IGNORED
from tests.data.made import coordinates, painted


class Fixed(np.random.Generator):
    """Draws one angle and one zoom, and centres on one pixel."""

    def __init__(self, angle: float, log_zoom: float, place: tuple[int, int] = (0, 0)) -> None:
        super().__init__(np.random.PCG64(0))
        self.uniforms = [angle, log_zoom]
        self.places = list(place)

    def uniform(self, *_: object, **__: object) -> float:  # type: ignore[override]
        return self.uniforms.pop(0)

    def integers(self, *_: object, **__: object) -> int:  # type: ignore[override]
        return self.places.pop(0)


def test_plain_crop_is_a_window_of_the_image() -> None:
    item = coordinates(40, 60)
    corners = set()
    for seed in range(200):
        image, mask = random_crop(item, 16, 0.0, 0.0, np.random.default_rng(seed))
        top, left = (int(value) for value in image[0, 0, :2])
        corners.add((top, left))
        assert np.array_equal(image, item.image[top : top + 16, left : left + 16])
        assert np.array_equal(mask, item.target[top : top + 16, left : left + 16])
    tops, lefts = zip(*corners, strict=True)
    assert (min(tops), max(tops)) == (0, 24)  # every place is reached, the last one too
    assert (min(lefts), max(lefts)) == (0, 44)
    assert len(corners) > 150


def test_whole_image_without_changes_is_the_image() -> None:
    item = coordinates(20, 30)
    image, mask = random_crop(item, None, 0.0, 0.0, np.random.default_rng(0))
    assert np.array_equal(image, item.image)
    assert np.array_equal(mask, item.target)


@pytest.mark.parametrize("size", [None, 15, 16])
def test_no_angle_and_no_zoom_is_the_identity(size: int | None) -> None:
    item = coordinates(31, 40)
    image, mask = _warped(item, size, 90.0, 0.5, Fixed(0.0, 0.0, (14, 21)))
    if size is None:
        window = np.s_[:31, :40]
    else:
        window = np.s_[14 - size // 2 : 14 - size // 2 + size, 21 - size // 2 : 21 - size // 2 + size]
    assert np.array_equal(image, item.image[window])
    assert np.array_equal(mask, item.target[window])


@pytest.mark.parametrize("size", [9, 16])
@pytest.mark.parametrize(("angle", "zoom"), [(30.0, 1.0), (-90.0, 1.3), (45.0, 0.7), (180.0, 1.0)])
def test_the_chosen_pixel_lies_under_the_centre(size: int, angle: float, zoom: float) -> None:
    item = coordinates(40, 50)
    image, mask = _warped(item, size, 180.0, 1.0, Fixed(angle, np.log(zoom), (17, 23)))
    assert image[size // 2, size // 2, :2].tolist() == [17, 23]
    assert mask[size // 2, size // 2] == (17 + 23) % 5


def test_quarter_turn_and_twofold_zoom_have_the_right_sense_and_size() -> None:
    item = coordinates(41, 41)
    turned, mask = _warped(item, None, 180.0, 0.0, Fixed(90.0, 0.0))
    assert np.array_equal(mask, np.rot90(item.target))  # a positive angle turns the picture counter-clockwise
    assert np.array_equal(turned[..., 2], mask)
    larger, _ = _warped(item, 21, 0.0, 1.0, Fixed(0.0, np.log(2.0), (20, 20)))
    assert larger[0, 10, 0] == 15  # 10 pixels of the window are 5 of the image
    assert larger[20, 10, 0] == 25
    assert larger[10, 0, 1] == 15


def test_beyond_the_border_the_image_is_mirrored_and_the_mask_ignored() -> None:
    item = coordinates(20, 20)
    image, mask = _warped(item, 9, 180.0, 0.0, Fixed(0.0, 0.0, (0, 10)))
    assert (mask[:4] == IGNORED).all()
    assert np.array_equal(mask[4:], item.target[:5, 6:15])
    assert image[:, 0, 0].tolist() == [4, 3, 2, 1, 0, 1, 2, 3, 4]


@pytest.mark.parametrize(("rotate", "scale"), [(0.0, 0.0), (180.0, 0.3)])
@pytest.mark.parametrize("size", [7, 8])
def test_no_crop_is_all_ignored(rotate: float, scale: float, size: int) -> None:
    mask = np.full((64, 64), IGNORED, np.uint8)
    mask[50, 11] = 1  # a single pixel that counts
    item = Item("sparse", np.zeros((64, 64, 3), np.uint8), mask)
    for seed in range(100):
        _, cropped = random_crop(item, size, rotate, scale, np.random.default_rng(seed))
        assert (cropped == 1).any(), seed


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_shapes_types_and_classes(channels: int) -> None:
    source = painted()
    item = Item("x", np.repeat(source.image[..., :1], channels, axis=2), source.target)
    for size in (None, 20):
        image, mask = random_crop(item, size, 180.0, 0.3, np.random.default_rng(1))
        side = size or 48
        assert (image.shape, image.dtype) == ((side, side, channels), np.uint8)
        assert (mask.shape, mask.dtype) == ((side, side), np.uint8)
        assert set(np.unique(mask)) <= set(np.unique(item.target)) | {IGNORED}
        assert len(np.unique(mask)) > 1


@pytest.mark.parametrize("seed", range(40))
def test_only_the_part_that_is_needed_is_read_and_nothing_changes(seed: int) -> None:
    rng = np.random.default_rng(seed)
    height, width = (int(side) for side in rng.integers(20, 400, 2))
    item = Item("one", rng.integers(0, 256, (height, width, 3), dtype=np.uint8), np.zeros((height, width), np.uint8))
    read: list[int] = []

    class Watched(Item):
        def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, Mask]:
            read.append(height * width)
            return super().window(top, left, height, width)

    watched = Watched("one", item.image, item.target)
    size = int(rng.integers(8, 64))
    image, mask = _warped(watched, size, 180.0, 0.3, np.random.default_rng(seed))
    with mock.patch("segexp.data.sampling.crops._needed", return_value=(0, 0, height, width)):
        whole, whole_mask = _warped(item, size, 180.0, 0.3, np.random.default_rng(seed))
    assert np.array_equal(mask, whole_mask)
    # OpenCV computes places in float32, more exactly near 0: rounding may differ, a wrong mirror would by far.
    difference = np.abs(image.astype(int) - whole)
    assert difference.max() <= 2
    assert (difference > 0).mean() < 0.02
    assert read[0] <= min(height * width, (2.2 * size + 6) ** 2)


def test_a_small_image_is_mirrored_around_and_the_border_counts_nowhere() -> None:
    item = coordinates(20, 48)
    image, mask = random_crop(item, 32, 0.0, 0.0, np.random.default_rng(0))
    assert image.shape == (32, 32, 3)
    inside = np.flatnonzero((mask != 255).any(axis=1))
    top = int(inside[0])
    assert inside.tolist() == list(range(top, top + 20))
    assert 0 < top < 12
    assert (mask[:top] == IGNORED).all()
    assert np.array_equal(image[top - 1], image[top + 1])
    assert {int(v) for seed in range(60) for v in [_first_row(item, seed)]} == set(range(13))


@pytest.mark.parametrize("shape", [(20, 29), (32, 32)])
def test_a_small_image_lies_in_a_turned_window_whole(shape: tuple[int, int]) -> None:
    height, width = shape
    item = Item("small", np.zeros((height, width, 3), np.uint8), np.ones((height, width), np.uint8))
    corners = set()
    for seed in range(200):
        # A turn by next to nothing, so that what is inside can be counted.
        _, mask = random_crop(item, 32, 1e-9, 0.0, np.random.default_rng(seed))
        assert (mask == 1).sum() == height * width
        corners.add(tuple(int(axis.min()) for axis in np.nonzero(mask == 1)))
    assert len(corners) > 0.7 * min(200, (33 - height) * (33 - width))


def test_no_turned_window_of_a_small_image_is_all_ignored() -> None:
    mask = np.full((30, 30), IGNORED, np.uint8)
    mask[0, 0] = 1
    item = Item("corner", np.zeros((30, 30, 3), np.uint8), mask)
    for seed in range(100):
        _, cropped = random_crop(item, 32, 180.0, 0.3, np.random.default_rng(seed))
        assert (cropped != IGNORED).any(), seed


def _first_row(item: Item, seed: int) -> int:
    _, mask = random_crop(item, 32, 0.0, 0.0, np.random.default_rng(seed))
    return int(np.flatnonzero((mask != IGNORED).any(axis=1))[0])
