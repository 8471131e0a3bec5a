"""Where in its image a training sample was cut: the four corners, whatever turned, zoomed or mirrored it since."""

import copy
import random
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Item, Mask
from segexp.data.sampling.augment import Augment
from segexp.data.sampling.crop_locations import CropLocation
from segexp.data.sampling.crops import random_crop
from segexp.spec import IGNORED

Corners = NDArray[np.float32]
"""(4, 2): x and y of the top left, top right, bottom right and bottom left corner, in pixels of the image."""
GRID = 24
"""Points a side of a sample from which its place is told."""


class Blank(Item):
    """An item of which nothing is read but what draws see of its mask; windows have 0, and 255 beyond the image."""

    def __init__(self, item: Item) -> None:
        self.name = item.name
        self.group = item.group
        self.whole = item

    @property
    def image(self) -> NDArray[Any]:
        """Zeros uint8 (H, W, 1)."""
        return self.pixels(0, 0, *self.shape)

    @property
    def target(self) -> Mask:
        """Classes of the real one: draws ask for them."""
        return self.whole.class_window(0, 0, *self.shape)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width of the item."""
        return self.whole.shape

    @property
    def channels(self) -> int:
        """One."""
        return 1

    @property
    def dtype(self) -> np.dtype[Any]:
        """uint8."""
        return np.dtype(np.uint8)

    def window(self, top: int, left: int, height: int, width: int) -> tuple[NDArray[Any], Mask]:
        """Its pixels and zeros."""
        return self.pixels(top, left, height, width), np.zeros((height, width), np.uint8)

    def class_window(self, top: int, left: int, height: int, width: int) -> Mask:
        """The real one."""
        return self.whole.class_window(top, left, height, width)

    def pixels(self, top: int, left: int, height: int, width: int) -> NDArray[Any]:
        """Zeros uint8 (h, w, 1)."""
        return np.zeros((height, width, 1), np.uint8)


class _Coordinates(Blank):
    """An item whose pixels are their own places."""

    @property
    def channels(self) -> int:
        return 2

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(np.float32)

    def pixels(self, top: int, left: int, height: int, width: int) -> NDArray[np.float32]:
        rows, columns = np.mgrid[top : top + height, left : left + width].astype(np.float32)
        return np.stack([columns, rows], axis=2)


def footprint(
    augment: Augment, item: Item, size: int | None, rng: np.random.Generator, place: CropLocation | None
) -> Corners:
    """Corners of what ``augment(item, size, rng, place)`` gives with a generator in the same state.

    Args:
        augment: Crops and changes.
        item: Image and mask.
        size: Side of the sample; None: the whole image.
        rng: In the state in which the sample was drawn.
        place: As the sample was drawn.
    """
    places, mask = random_crop(_Coordinates(item), size, augment.rotate, augment.scale, rng, place)
    if augment.compose is not None:
        seed = int(rng.integers(0, 2**31))
        # A copy: the samples of training must not know of the further target.
        compose = copy.deepcopy(augment.compose)
        compose.add_targets({"places": "mask"})
        compose.set_random_state(np.random.default_rng(seed), random.Random(seed))
        blank = np.zeros((*mask.shape, item.channels), item.dtype)
        changed = compose(image=blank, mask=np.ascontiguousarray(mask), places=np.ascontiguousarray(places))
        places, mask = changed["places"], changed["mask"]
    return _corners(places, mask)


def _corners(places: NDArray[np.float32], mask: Mask) -> Corners:
    """The corners by the plane that most pixels inside the image lie on: beyond the border, places are mirrored."""
    height, width = mask.shape
    rows, columns = (np.unique(np.linspace(0, side - 1, GRID).astype(int)) for side in (height, width))
    points = np.array([(x, y) for y in rows for x in columns if mask[y, x] != IGNORED], np.float32).reshape(-1, 2)
    ends = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], np.float32)
    found = places[points[:, 1].astype(int), points[:, 0].astype(int)]
    matrix = cv2.estimateAffine2D(points, found, ransacReprojThreshold=1.0)[0] if len(points) >= 3 else None
    if matrix is None:
        return np.asarray(places[ends[:, 1].astype(int), ends[:, 0].astype(int)], dtype=np.float32)
    return np.asarray(ends @ matrix[:, :2].T + matrix[:, 2], dtype=np.float32)
