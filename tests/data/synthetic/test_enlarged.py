"""Very large retinas are drawn smaller and enlarged: image, mask and field of view still lie on each other."""

import cv2
import numpy as np
import pytest

from segexp.data.synthetic.scenes import cells, draw_scene, large, vessels
from segexp.data.synthetic.scenes.large import draw_enlarged
from segexp.data.synthetic.scenes.scene import Scene


def disc(rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """A bright disc, whose mask is the disc and whose field of view is the left half."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    mask = ((rows - shape[0] / 2) ** 2 + (columns - shape[1] / 2) ** 2 < (shape[0] / 4) ** 2).astype(np.uint8)
    return Scene(np.repeat(200 * mask[..., None], 3, axis=2), mask, (columns < shape[1] / 2).astype(np.uint8), 4)


@pytest.mark.parametrize("shape", [(150, 150), (151, 202)])
def test_the_boundary_is_that_of_the_image_and_smooth(shape: tuple[int, int]) -> None:
    scene = draw_enlarged(disc, np.random.default_rng(0), shape)
    assert (scene.image.shape, scene.mask.shape, scene.fov.shape, scene.kind) == ((*shape, 3), shape, shape, 4)
    assert set(np.unique(scene.mask)) == set(np.unique(scene.fov)) == {0, 1}
    assert ((scene.image[..., 0] > 100) != scene.mask).mean() < 0.002
    exact = disc(np.random.default_rng(0), shape).mask
    small = disc(np.random.default_rng(0), (-(-shape[0] // 3), -(-shape[1] // 3))).mask
    stairs = cv2.resize(small, shape[::-1], interpolation=cv2.INTER_NEAREST_EXACT)
    assert (exact != scene.mask).mean() < min(0.02, (exact != stairs).mean())


def test_an_enlarged_retina_is_a_retina(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vessels, "LARGE", 500**2)
    scene = draw_scene("vessels", 0, 0, 501)
    assert scene.image.shape == (501, 501, 3)
    assert scene.fov.mean() == pytest.approx(0.709, abs=0.01)
    assert 0.03 < (scene.mask[scene.fov == 1]).mean() < 0.25
    near = cv2.dilate(scene.mask, np.ones((9, 9), np.uint8)) - cv2.dilate(scene.mask, np.ones((5, 5), np.uint8))
    green, inner = scene.image[..., 1].astype(float), cv2.erode(scene.fov, np.ones((25, 25), np.uint8)) == 1
    assert green[inner & (near == 1)].mean() - green[inner & (scene.mask == 1)].mean() > 4


def test_a_large_smear_is_a_mosaic_of_one_stain_with_the_kind_in_its_middle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "PIECE", 120)
    monkeypatch.setattr(cells, "LARGE", 300**2)
    kinds, stains = [], []
    paint = cells._paint

    def numbered(rng: np.random.Generator, shape: tuple[int, int], stain: cells._Stain) -> Scene:
        scene = paint(rng, shape, stain)
        kinds.append(scene.kind)
        stains.append(stain)
        return scene

    monkeypatch.setattr(cells, "_paint", numbered)
    scene = draw_scene("cells", 0, 0, 360)
    assert scene.image.shape == (360, 360, 3)
    assert len(kinds) == large.DRAWN and len(set(stains)) == 1
    assert scene.kind in kinds
    assert set(np.unique(scene.mask)) == {0, 1, 2}
