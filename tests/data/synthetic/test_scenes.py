"""The drawn scenes: reproducible, legal, exact, and out of reach of a threshold."""

import hashlib
import subprocess
import sys
from itertools import permutations

import cv2
import numpy as np
import pytest
from skimage.filters import threshold_multiotsu, threshold_otsu

from segexp.data.synthetic.scenes import SCENES, Scene, draw_scene, find_scene
from segexp.errors import ConfigError

NAMES = sorted(SCENES)

# Share of each class inside the field of view, mean over images 0..15 of 256 x 256.
SHARES = {
    "vessels": ((0.84, 0.94), (0.06, 0.16)),
    "buildings": ((0.70, 0.85), (0.15, 0.30)),
    "cells": ((0.74, 0.90), (0.07, 0.16), (0.03, 0.10)),
}

# Highest mean IoU of any single channel with Otsu's threshold; a U-Net of 33k parameters, 64 images and half
# a minute on one core gave 0.89 (vessels), 0.84 (buildings) and 0.94 (cells) on other images.
OTSU = {"vessels": 0.55, "buildings": 0.55, "cells": 0.57}


@pytest.fixture(scope="module")
def sixteen() -> dict[str, list[Scene]]:
    return {name: [draw_scene(name, 0, index, 256) for index in range(16)] for name in NAMES}


def _bytes(scene: Scene) -> bytes:
    return scene.image.tobytes() + scene.mask.tobytes() + scene.fov.tobytes() + bytes([scene.kind])


@pytest.mark.parametrize("name", NAMES)
def test_same_key_gives_same_bytes_in_any_order(name: str) -> None:
    forward = [_bytes(draw_scene(name, 3, index, 64)) for index in range(4)]
    backward = [_bytes(draw_scene(name, 3, index, 64)) for index in reversed(range(4))]
    assert forward == backward[::-1]
    assert len(set(forward)) == 4


@pytest.mark.parametrize("name", NAMES)
def test_seeds_give_different_images(name: str) -> None:
    assert _bytes(draw_scene(name, 0, 0, 64)) != _bytes(draw_scene(name, 1, 0, 64))
    # (seed, index) is a pair and no sum
    assert _bytes(draw_scene(name, 0, 1, 64)) != _bytes(draw_scene(name, 1, 0, 64))


def test_another_process_draws_the_same() -> None:
    code = (
        "import hashlib; from segexp.data.synthetic.scenes import draw_scene\n"
        "print([hashlib.sha256(draw_scene(n, 7, 2, 96).image.tobytes()).hexdigest() "
        f"for n in {NAMES!r}])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    here = [hashlib.sha256(draw_scene(name, 7, 2, 96).image.tobytes()).hexdigest() for name in NAMES]
    assert done.stdout.strip() == str(here)


@pytest.mark.parametrize("size", [32, 33, 101, (40, 200), (257, 64), (120, 112)])
@pytest.mark.parametrize("name", NAMES)
def test_shapes_types_and_values(name: str, size: int | tuple[int, int]) -> None:
    scene = draw_scene(name, 0, 5, size)
    shape = (size, size) if isinstance(size, int) else size
    assert scene.image.shape == (*shape, 3)
    assert scene.mask.shape == scene.fov.shape == shape
    assert scene.image.dtype == scene.mask.dtype == scene.fov.dtype == np.uint8
    assert set(np.unique(scene.mask)) <= set(range(len(find_scene(name).classes)))
    assert set(np.unique(scene.fov)) <= {0, 1}
    assert scene.image.std() > 8


@pytest.mark.parametrize("name", NAMES)
def test_a_large_image_is_drawn_with_fewer_samples_and_the_same_shares(name: str) -> None:
    scene = draw_scene(name, 0, 0, (760, 800))
    for number, (low, high) in enumerate(SHARES[name]):
        assert 0.6 * low < (scene.mask[scene.fov == 1] == number).mean() < min(1.0, 1.5 * high)


@pytest.mark.parametrize("name", NAMES)
def test_class_shares(name: str, sixteen: dict[str, list[Scene]]) -> None:
    for number, (low, high) in enumerate(SHARES[name]):
        shares = [(scene.mask[scene.fov == 1] == number).mean() for scene in sixteen[name]]
        assert low < np.mean(shares) < high
        assert min(shares) > 0.004, "a class is absent from an image"


def test_field_of_view(sixteen: dict[str, list[Scene]]) -> None:
    for scene in sixteen["vessels"]:
        # a circle of 0.95 of the side: pi / 4 * 0.95 ** 2 = 0.709 of the image, black outside
        assert scene.fov.mean() == pytest.approx(0.709, abs=0.01)
        outside = cv2.erode(1 - scene.fov, np.ones((9, 9), np.uint8), borderValue=1) == 1
        assert scene.image[outside].max() < 30
    for name in ("buildings", "cells"):
        assert all(scene.fov.all() for scene in sixteen[name])


def test_vessels_are_darker_than_what_is_beside_them(sixteen: dict[str, list[Scene]]) -> None:
    """Image and mask agree: in green, inside against just outside; a shift of the mask makes it worse."""
    for scene in sixteen["vessels"]:
        inner = cv2.erode(scene.fov, np.ones((15, 15), np.uint8), borderValue=0) == 1
        green = scene.image[..., 1].astype(float)

        def contrast(mask: np.ndarray, inner: np.ndarray = inner, green: np.ndarray = green) -> float:
            near = cv2.dilate(mask, np.ones((7, 7), np.uint8)) - cv2.dilate(mask, np.ones((3, 3), np.uint8))
            return float(green[inner & (near == 1)].mean() - green[inner & (mask == 1)].mean())

        assert contrast(scene.mask) > 4
        assert contrast(scene.mask) > contrast(np.roll(scene.mask, 2, axis=1))


def test_nuclei_lie_in_cells_and_kinds_are_those_of_the_real_set(sixteen: dict[str, list[Scene]]) -> None:
    for scene in sixteen["cells"]:
        around = cv2.dilate((scene.mask == 2).astype(np.uint8), np.ones((3, 3), np.uint8))
        beside = (around == 1) & (scene.mask != 2)
        assert (scene.mask[beside] == 1).mean() > 0.9
    assert {scene.kind for scene in sixteen["cells"]} <= {1, 2, 3, 4, 5}
    assert {scene.kind for name in ("vessels", "buildings") for scene in sixteen[name]} == {0}


def _channels(image: np.ndarray) -> list[np.ndarray]:
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None]
    other = [cv2.cvtColor(image, code) for code in (cv2.COLOR_RGB2HSV, cv2.COLOR_RGB2LAB)]
    return list(np.concatenate([image, grey, *other], axis=2).transpose(2, 0, 1))


def _confusion(values: np.ndarray, truth: np.ndarray, classes: int) -> np.ndarray:
    """Counts (level, class) after Otsu's thresholds of one image."""
    cuts = threshold_multiotsu(values, classes) if classes > 2 else [threshold_otsu(values)]
    levels = np.digitize(values, cuts, right=True)
    return np.bincount(levels * classes + truth, minlength=classes**2).reshape(classes, classes)


def _best_otsu(scenes: list[Scene], classes: int) -> float:
    """Mean IoU of the best channel and order of classes, over all pixels inside the field of view."""
    counts = np.zeros((10, classes, classes))
    for scene in scenes:
        seen = scene.fov == 1
        for number, channel in enumerate(_channels(scene.image)):
            counts[number] += _confusion(channel[seen], scene.mask[seen].astype(int), classes)
    best = 0.0
    for table in counts:
        for order in permutations(range(classes)):
            hits = np.diag(table[list(order)])
            union = table[list(order)].sum(axis=0) + table[list(order)].sum(axis=1) - hits
            best = max(best, float((hits / union).mean()))
    return best


@pytest.mark.parametrize("name", NAMES)
def test_no_global_threshold_solves_a_scene(name: str, sixteen: dict[str, list[Scene]]) -> None:
    assert _best_otsu(sixteen[name], len(find_scene(name).classes)) < OTSU[name]


def test_info_is_complete() -> None:
    for info in SCENES.values():
        assert len(info.classes) == len(info.colours) >= 2
        assert info.classes[0] == "background"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (("clouds", 0, 0, 64), "buildings, cells, vessels"),
        (("cells", 0, 0, 31), r"32\.\.5000"),
        (("cells", 0, 0, (64, 5001)), r"32\.\.5000"),
        (("cells", -1, 0, 64), "seed and index"),
        (("cells", 0, -1, 64), "seed and index"),
    ],
)
def test_refused(arguments: tuple[str, int, int, int | tuple[int, int]], text: str) -> None:
    with pytest.raises(ConfigError, match=text):
        draw_scene(*arguments)
