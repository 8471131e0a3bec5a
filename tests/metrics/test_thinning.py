"""Thinning by the edge alone, against scikit-image, which looks at every pixel in every step."""

import cv2
import numpy as np
import pytest
from skimage.morphology import thin

from segexp.metrics.thinning import thinned


def blobs(seed: int) -> np.ndarray:
    """Random blobs of random size, from single pixels to things that fill the image."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(1, 90, 2)
    noise = cv2.GaussianBlur(rng.random((height, width)).astype(np.float32), (0, 0), float(rng.uniform(0.3, 8)))
    return np.asarray(noise > np.quantile(noise, rng.uniform(0, 1)))


@pytest.mark.parametrize("seed", range(40))
def test_the_same_pixels_as_scikit_image(seed: int) -> None:
    mask = blobs(seed)
    assert np.array_equal(thinned(mask), thin(mask))


@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (50, 1), (40, 40), (41, 200)])
def test_rectangles(shape: tuple[int, int]) -> None:
    full = np.ones(shape, bool)
    assert np.array_equal(thinned(full), thin(full))


def test_nothing_and_the_input_is_left_alone() -> None:
    assert not thinned(np.zeros((7, 5), bool)).any()
    mask = np.ones((9, 30), bool)
    thinned(mask)
    assert mask.all()


def test_pieces_stay_as_many_and_as_connected() -> None:
    for seed in range(40, 60):
        mask = blobs(seed)
        lines = thinned(mask)
        assert not (lines & ~mask).any()
        pieces = [cv2.connectedComponents(m.view(np.uint8), connectivity=8)[0] for m in (mask, lines)]
        assert pieces[0] == pieces[1]
