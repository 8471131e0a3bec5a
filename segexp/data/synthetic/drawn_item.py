"""A drawn image that is not drawn before it is asked for."""

from functools import cached_property
from typing import Any

import numpy as np

from segexp.data.items.item import Image, Item, Mask
from segexp.data.synthetic.scenes import Scene, draw_scene
from segexp.spec import IGNORED

DRAWING = 2
"""Number of the way of drawing; another one makes other pixels of the same seed, and old copies must not be used."""


class DrawnItem(Item):
    """A scene by its numbers; drawn once, at the first look at its pixels."""

    def __init__(self, name: str, scene: str, seed: int, number: int, size: int) -> None:
        """Keeps what :func:`segexp.data.synthetic.scenes.draw_scene` takes."""
        self.name = name
        self.group = None
        self._numbers = (scene, seed, number, size)

    @cached_property
    def _scene(self) -> Scene:
        return draw_scene(*self._numbers)

    @property
    def image(self) -> Image:
        """uint8 (H, W, 3)."""
        return self._scene.image

    @cached_property
    def target(self) -> Mask:
        """Class numbers uint8 (H, W), 255 outside the field of view."""
        return np.where(self._scene.fov == 0, IGNORED, self._scene.mask).astype(np.uint8)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width, known before it is drawn."""
        return self._numbers[3], self._numbers[3]

    @property
    def channels(self) -> int:
        """RGB."""
        return 3

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    @property
    def fingerprint(self) -> str:
        """The numbers, from which the pixels follow."""
        return f"drawn {DRAWING} {self._numbers}"

    def window(self, top: int, left: int, height: int, width: int) -> tuple[Image, Mask]:
        """A window of both."""
        place = np.s_[top : top + height, left : left + width]
        return self.image[place], self.target[place]

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """A window of the mask."""
        return self.target[top : top + height, left : left + width]

    def decoded(self) -> Item:
        """Gives a copy of the item with its pixels in memory."""
        return Item(self.name, self.image, self.target, self.group)
