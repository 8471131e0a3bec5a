"""Images that look alike: copies are found however they were saved, different ones are not, real sets give no alarm."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from segexp.data.checks.likeness import ALIKE, Fingerprint, compute_fingerprint, find_alike
from segexp.data.items.item import Image
from segexp.data.synthetic.scenes import draw_scene
from segexp.rasters import read_rgb

REAL = Path(__file__).resolve().parents[4] / "shared" / "data"


def jpeg(image: Image) -> Image:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 70])[1], cv2.IMREAD_COLOR))


CHANGES: dict[str, Callable[[Image], Image]] = {
    "nothing": lambda image: image.copy(),
    "JPEG": jpeg,
    "half size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "brighter": lambda image: np.clip(image * 1.1 + 8, 0, 255).astype(np.uint8),
    "16 bits": lambda image: image.astype(np.uint16) * 257,
    "grey": lambda image: cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[..., None],
    "mirrored": lambda image: image[:, ::-1],
    "turned": np.rot90,
    "transposed": lambda image: image.transpose(1, 0, 2),
}


@pytest.fixture(scope="module", params=["vessels", "cells", "buildings"])
def images(request: pytest.FixtureRequest) -> list[Image]:
    return [draw_scene(request.param, 0, number, 128).image for number in range(12)]


def found(prints: list[Fingerprint | None], parts: list[str]) -> list[tuple[int, int]]:
    return [(one, other) for one, other, _ in find_alike(prints, parts)]


@pytest.mark.parametrize("change", CHANGES)
def test_a_changed_copy_in_another_part_is_found_and_nothing_else(images: list[Image], change: str) -> None:
    copied = compute_fingerprint(CHANGES[change](images[5]))
    prints = [*map(compute_fingerprint, images), copied]
    assert found(prints, [*["train"] * 12, "test"]) == [(5, 12)]
    assert found(prints, ["train"] * 13) == []


def test_images_that_show_nothing_are_like_none() -> None:
    noise = np.random.default_rng(0).normal(0, 0.2, (64, 64, 3))
    assert compute_fingerprint(np.full((50, 60, 3), 90, np.uint8)) is None
    assert compute_fingerprint((120 + noise).astype(np.uint8)) is None
    assert list(find_alike([], [])) == list(find_alike([None, None], ["train", "test"])) == []


def test_many_images_are_compared_in_blocks_and_thinned(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    prints: list[Fingerprint | None] = list(rng.normal(size=(40, 64 * 64)).astype(np.float32))
    prints[31] = prints[3]
    parts = ["train"] * 20 + ["test"] * 20
    monkeypatch.setattr("segexp.data.checks.likeness.BLOCK", 7)
    ((one, other, likeness),) = find_alike(prints, parts)
    assert (one, other) == (3, 31)
    assert likeness == pytest.approx(1.0, abs=1e-4)
    monkeypatch.setattr("segexp.data.checks.likeness.MOST", 20)
    assert list(find_alike(prints, parts)) == []


@pytest.mark.real
@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("DRIVE/training/images/*.tif", []),
        ("inria_crops/512/images/*.png", []),
        ("cells/Dataset 2/*.bmp", []),
        # Photographs of one cell; the first two are the same file.
        ("cells/Dataset 1/*.bmp", [("112", "139"), ("157", "158"), ("166", "171"), ("167", "169")]),
    ],
)
def test_real_sets_give_no_absurd_alarm(pattern: str, expected: list[tuple[str, str]]) -> None:
    files = sorted(REAL.glob(pattern))
    if not files:
        pytest.skip(f"no {pattern} in {REAL}")
    pairs = find_alike([compute_fingerprint(read_rgb(path)) for path in files], [path.stem for path in files])
    assert [(files[one].stem, files[other].stem) for one, other, _ in pairs] == expected
    assert ALIKE < 0.79
