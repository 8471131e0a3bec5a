"""Images of any depth and number of bands as pictures."""

import numpy as np
import pytest

from segexp.errors import DataError
from segexp.report.pictures.displayed import LARGEST_SIDE, display_image, display_small, shrink_image, shrink_labels


def ramp(low: int, high: int, dtype: type = np.uint16) -> np.ndarray:
    return np.linspace(low, high, 200 * 300).astype(dtype).reshape(200, 300)


@pytest.mark.parametrize("channels", [1, 3])
def test_8_bits_of_grey_and_rgb_stay_as_they_are(channels: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (20, 30, channels), dtype=np.uint8)
    shown = display_image(image)
    assert shown.dtype == np.uint8
    assert np.array_equal(shown, np.broadcast_to(image, (20, 30, 3)))


def test_16_bits_are_stretched_band_by_band() -> None:
    image = np.stack([ramp(100, 200), ramp(10_000, 60_000), ramp(0, 4000)], axis=2)
    shown = display_image(image)
    assert shown.shape == (200, 300, 3)
    for band in range(3):
        # The first and the last hundredth are black and white, and the middle is in the middle.
        assert int(shown[..., band].min()) == 0
        assert int(shown[..., band].max()) == 255
        assert abs(int(shown[100, 0, band]) - 127) <= 2
        assert np.count_nonzero(shown[..., band] == 0) / 60_000 == pytest.approx(0.01, abs=0.01)


@pytest.mark.parametrize(("bands", "shown_bands"), [(2, (0, 0, 0)), (4, (0, 1, 2)), (13, (0, 1, 2))])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_of_many_bands_the_first_three_of_two_the_first(bands: int, shown_bands: tuple[int, ...], dtype: type) -> None:
    """Bands that rise and fall in turn, so that each can be told from its neighbour."""
    image = np.stack([ramp(20, 220, dtype)[:: (-1) ** band] for band in range(bands)], axis=2)
    shown = display_image(image)
    for place, band in enumerate(shown_bands):
        rising = int(shown[-1, 150, place]) > int(shown[0, 150, place])
        assert rising == (band % 2 == 0)


def test_pixels_that_do_not_count_set_no_stretch() -> None:
    image = ramp(1000, 3000)
    image[:20] = 65535
    counted = np.ones(image.shape, bool)
    counted[:20] = False
    assert abs(int(display_image(image, counted)[110, 0, 0]) - 127) <= 3
    assert int(display_image(image)[110, 0, 0]) < 20
    assert display_image(image, np.zeros(image.shape, bool)).shape == (200, 300, 3)


def test_one_value_everywhere_is_black() -> None:
    assert display_image(np.full((4, 5), 700, np.uint16)).max() == 0


def test_the_stretch_of_a_large_image_is_that_of_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    image = ramp(1000, 3000)
    whole = display_image(image)
    monkeypatch.setattr("segexp.report.pictures.displayed.SAMPLED", 1000)
    assert int(np.abs(display_image(image).astype(int) - whole).max()) <= 1


@pytest.mark.parametrize("shape", [(3000, 2000), (2000, 3000, 1), (1500, 1500, 3)])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_reduced_by_area_to_the_largest_side(shape: tuple[int, ...], dtype: type) -> None:
    values = np.zeros(shape, dtype)
    values[::2] = 100
    small = shrink_image(values)
    assert small.dtype == dtype
    assert small.ndim == len(shape)
    assert max(small.shape[:2]) == LARGEST_SIDE
    assert small.shape[0] / small.shape[1] == pytest.approx(shape[0] / shape[1], rel=0.01)
    assert float(small.mean()) == pytest.approx(50, abs=1)


def test_what_is_small_enough_is_left_alone() -> None:
    values = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert np.array_equal(shrink_image(values), values)
    assert np.array_equal(shrink_labels(values), values)


def test_labels_are_not_mixed() -> None:
    labels = np.zeros((3000, 3000), np.uint8)
    labels[::2] = 7
    labels[:, ::3] = 255
    assert set(np.unique(shrink_labels(labels))) <= {0, 7, 255}


def test_a_small_picture_of_a_large_image() -> None:
    image = np.full((100, 5000, 4), 500, np.uint16)
    image[:, 2500:] = 900
    shown = display_small(image, np.ones((100, 5000), bool))
    assert shown.shape == (20, 1024, 3)
    assert [int(shown[10, column, 0]) for column in (0, 400, 600, 1000)] == [0, 0, 255, 255]


def test_other_types_are_refused() -> None:
    with pytest.raises(DataError, match="float32"):
        display_image(np.zeros((4, 4), np.float32))
    with pytest.raises(DataError, match=r"\(4,\)"):
        display_image(np.zeros(4, np.uint8))
