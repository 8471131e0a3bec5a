"""Large images from a few drawn pieces."""

import numpy as np
import pytest

from segexp.data.synthetic.scenes import draw_scene, large
from segexp.data.synthetic.scenes.scene import Scene


def numbered(rng: np.random.Generator, shape: tuple[int, int]) -> Scene:
    """Each piece is random; its mask marks the same pixels as its image."""
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    return Scene(image, (image[..., 0] > 127).astype(np.uint8), np.ones(shape, np.uint8))


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(large, "PIECE", 10)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("shape", [(50, 50), (43, 27), (10, 95)])
def test_mask_and_image_are_turned_together(shape: tuple[int, int]) -> None:
    scene = large.draw_mosaic(numbered, np.random.default_rng(0), shape)
    assert (scene.image.shape, scene.mask.shape) == ((*shape, 3), shape)
    assert np.array_equal(scene.mask, scene.image[..., 0] > 127)
    assert scene.fov.all()


@pytest.mark.usefixtures("tiny")
def test_no_view_comes_twice_among_forty_and_seeds_differ() -> None:
    scene = large.draw_mosaic(numbered, np.random.default_rng(0), (50, 80))
    pieces = {scene.image[y : y + 10, x : x + 10].tobytes() for y in range(0, 50, 10) for x in range(0, 80, 10)}
    assert len(pieces) == 40
    other = large.draw_mosaic(numbered, np.random.default_rng(1), (50, 80))
    assert not pieces & {
        other.image[y : y + 10, x : x + 10].tobytes() for y in range(0, 50, 10) for x in range(0, 80, 10)
    }


def test_only_large_towns_are_mosaics(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("segexp.data.synthetic.scenes.buildings.draw_mosaic", lambda paint, rng, shape: shape)
    assert draw_scene("buildings", 0, 0, (2501, 2500)) == (2501, 2500)  # type: ignore[comparison-overlap]
    assert draw_scene("buildings", 0, 0, 64).image.shape == (64, 64, 3)


@pytest.mark.usefixtures("tiny")
@pytest.mark.parametrize("shape", [(10, 10), (30, 30), (40, 20), (25, 31)])
def test_the_kind_is_that_of_the_piece_in_the_middle(shape: tuple[int, int]) -> None:
    def kinds(rng: np.random.Generator, piece: tuple[int, int]) -> Scene:
        kind = int(rng.integers(1, 200))
        return Scene(np.full((*piece, 3), kind, np.uint8), np.zeros(piece, np.uint8), np.ones(piece, np.uint8), kind)

    scene = large.draw_mosaic(kinds, np.random.default_rng(0), shape)
    assert scene.kind == scene.image[shape[0] // 2, shape[1] // 2, 0]
