"""All scenes by name, and the one way to draw them."""

import zlib

import numpy as np

from segexp.data.synthetic.scenes import buildings, cells, vessels
from segexp.data.synthetic.scenes.scene import Scene, SceneInfo, Shape
from segexp.errors import ConfigError

SMALLEST, LARGEST = 32, 5000

SCENES: dict[str, SceneInfo] = {
    "vessels": SceneInfo(("background", "vessel"), ((0, 0, 0), (230, 60, 60)), vessels.paint_vessels),
    "buildings": SceneInfo(("background", "building"), ((0, 0, 0), (250, 190, 40)), buildings.paint_buildings),
    "cells": SceneInfo(
        ("background", "cytoplasm", "nucleus"), ((0, 0, 0), (80, 170, 230), (150, 60, 190)), cells.paint_cells
    ),
}


def find_scene(name: str) -> SceneInfo:
    """Gives classes, colours and painter of a scene.

    Args:
        name: A key of ``SCENES``.

    Raises:
        ConfigError: The name is unknown; the text lists the valid ones.
    """
    try:
        return SCENES[name]
    except KeyError:
        raise ConfigError(f"scene '{name}' is unknown; valid are {', '.join(sorted(SCENES))}") from None


def draw_scene(name: str, seed: int, index: int, size: int | Shape) -> Scene:
    """Draw image number ``index`` of an endless series.

    The generator is keyed by (seed, index, name) alone, so that any image can be drawn alone, in any order
    and in any process, with the same bytes. An image of another size is another image.

    Args:
        name: A key of ``SCENES``.
        seed: Which series, 0 or more.
        index: Which image of the series, 0 or more.
        size: Side of a square or (H, W), each 32..5000 pixels.

    Returns:
        The scene: image uint8 (H, W, 3), mask uint8 (H, W), fov uint8 (H, W).

    Raises:
        ConfigError: The name is unknown, or a number is out of range.
    """
    info = find_scene(name)
    shape = (size, size) if isinstance(size, int) else (int(size[0]), int(size[1]))
    if not all(SMALLEST <= side <= LARGEST for side in shape):
        raise ConfigError(f"size of a scene is {size}; each side must lie in {SMALLEST}..{LARGEST} pixels")
    if seed < 0 or index < 0:
        raise ConfigError(f"seed and index of a scene are {seed} and {index}; both must be 0 or more")
    # crc32 and not hash(): the hash of a string differs between processes
    rng = np.random.default_rng((seed, index, zlib.crc32(name.encode())))
    return info.paint(rng, shape)
