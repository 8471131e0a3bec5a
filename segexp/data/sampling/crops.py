"""Crops of an image and its target, turned and zoomed in the same step."""

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.data.items.item import Image, Item
from segexp.data.sampling.crop_locations import CropLocation
from segexp.spec import IGNORED

TRIES = 20
"""Draws before a crop is centred on a pixel that counts; crops without one are never returned."""


def random_crop(
    item: Item,
    size: int | None,
    rotate: float,
    scale: float,
    rng: np.random.Generator,
    place: CropLocation | None = None,
) -> tuple[Image, NDArray[Any]]:
    """Cuts a window.

    Without rotation and zoom the window lies inside the image and pixels are copied; where the image is smaller, it is
    mirrored around and the mask is 255 there. With them the window is centred on a random pixel that counts and
    resampled (bilinear; nearest for the mask), so that corners hold image wherever there is image; beyond the border
    the image is mirrored and the mask is 255. An image that is no larger than the window lies in it whole, at a random
    place. No more of the image is read than the window needs.

    Args:
        item: Image and target; what is said of the mask here is said of targets of that form.
        size: Side of the window in pixels; None: the whole image.
        rotate: Largest rotation in degrees.
        scale: Largest zoom: by a factor of ``exp(-scale)`` to ``exp(scale)``.
        rng: Source of all randomness.
        place: Which pixel of the image lies where in the window; None: at random.

    Returns:
        Image (size, size, C) of the item's dtype and its target, of a mask uint8 (size, size).
    """
    if rotate or scale:
        if size is not None and place is None and max(item.shape) <= size:
            image, target = _warped(item, size, rotate, scale, rng, _inside(item, size, rng))
            # What counts may have been turned out of the window, if it lies in a corner of the image.
            if item.form.counts(target):
                return image, target
        return _warped(item, size, rotate, scale, rng, place)
    if size is None:
        return item.image, item.target
    if min(item.shape) < size:
        return _padded(item, size, rng, place)
    top, left = crop_corner(item, size, rng, place)
    return item.window(top, left, size, size)


def crop_corner(item: Item, size: int, rng: np.random.Generator, place: CropLocation | None = None) -> tuple[int, int]:
    """Row and column at which a window begins that lies inside the image, without rotation and zoom.

    Args:
        item: Image and target, of at least ``size`` pixels a side.
        size: Side of the window in pixels.
        rng: Source of all randomness.
        place: Which pixel of the image lies where in the window; None: at random.
    """
    return _corner(item, size, rng) if place is None else _corner_of(place, item, size)


def _corner(item: Item, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Top-left corner of a window that holds at least one pixel that counts (if the image has one)."""
    height, width = item.shape
    for _ in range(TRIES):
        top = int(rng.integers(0, height - size + 1))
        left = int(rng.integers(0, width - size + 1))
        if (item.class_window(top, left, size, size) != IGNORED).any():
            return top, left
    y, x = _centre(item, rng)
    return _corner_of(CropLocation(y, x, size // 2, size // 2), item, size)


def _corner_of(place: CropLocation, item: Item, size: int) -> tuple[int, int]:
    """Top-left corner of the window that comes nearest to the place and lies inside; the pixel stays in it."""
    height, width = item.shape
    return int(np.clip(place.y - place.v, 0, height - size)), int(np.clip(place.x - place.u, 0, width - size))


def _centre(item: Item, rng: np.random.Generator) -> tuple[int, int]:
    """A random pixel that counts; any pixel where none does."""
    height, width = item.shape
    for _ in range(TRIES):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        if item.class_window(y, x, 1, 1)[0, 0] != IGNORED:
            return y, x
    # Rare (nearly everything is ignored): list the pixels that count, which costs a pass over the image.
    valid = np.flatnonzero(item.class_window(0, 0, height, width).ravel() != IGNORED)
    place = int(rng.choice(valid)) if len(valid) else int(rng.integers(0, height * width))
    return place // width, place % width


def _padded(item: Item, size: int, rng: np.random.Generator, place: CropLocation | None) -> tuple[Image, NDArray[Any]]:
    """A window of an image that is smaller than it in one direction or both: mirrored border, 255 in a mask."""
    height, width = item.shape
    missing = [max(0, size - side) for side in (height, width)]
    top, left = (int(rng.integers(0, more + 1)) for more in missing)
    whole = item.padded(top, missing[0] - top, left, missing[1] - left)
    moved = None if place is None else CropLocation(place.y + top, place.x + left, place.v, place.u)
    return random_crop(whole, size, 0.0, 0.0, rng, moved)


def _inside(item: Item, size: int, rng: np.random.Generator) -> CropLocation:
    """Puts an image that is no larger than the window into it whole, at a random place."""
    (y, v), (x, u) = ((side // 2, side // 2 + int(rng.integers(0, size - side + 1))) for side in item.shape)
    return CropLocation(y, x, v, u)


def _warped(
    item: Item,
    size: int | None,
    rotate: float,
    scale: float,
    rng: np.random.Generator,
    place: CropLocation | None = None,
) -> tuple[Image, NDArray[Any]]:
    height, width = item.shape
    out_height, out_width = (height, width) if size is None else (size, size)
    if size is None:
        y, x = v, u = (height - 1) / 2, (width - 1) / 2
    elif place is None:
        # A pixel of the window, not the corner of four, lies on the pixel that counts.
        (y, x), v, u = _centre(item, rng), size // 2, size // 2
    else:
        y, x, v, u = place.y, place.x, place.v, place.u
    angle = math.radians(rng.uniform(-rotate, rotate))
    zoom = math.exp(rng.uniform(-scale, scale))
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    # Maps a pixel of the window to a pixel of the image: turn about the window's pixel (u, v), then move to (x, y).
    matrix = np.array([[cos, -sin, x - cos * u + sin * v], [sin, cos, y - sin * u - cos * v]])
    top, left, bottom, right = _needed(matrix, out_height, out_width, height, width)
    image, target = item.window(top, left, bottom - top, right - left)
    matrix[:, 2] -= (left, top)
    image = cv2.warpAffine(
        np.ascontiguousarray(image),
        matrix,
        (out_width, out_height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    turned = item.form.warp(target, matrix, (out_width, out_height))
    return image.reshape(out_height, out_width, -1).astype(item.dtype, copy=False), turned


MARGIN = 2
"""Pixels that bilinear interpolation and rounding may reach beyond the exact corners."""


def _needed(matrix: np.ndarray, out_height: int, out_width: int, height: int, width: int) -> tuple[int, int, int, int]:
    """Top, left, bottom and right of the part of the image that a turned window is made of.

    What lies beyond a border is mirrored from as far inside it, so as much is needed there too.
    """
    corners = np.array([[u, v, 1.0] for u in (0, out_width - 1) for v in (0, out_height - 1)]) @ matrix.T
    bounds = []
    for axis, side in ((1, height), (0, width)):
        low, high = math.floor(corners[:, axis].min()) - MARGIN, math.ceil(corners[:, axis].max()) + MARGIN + 1
        # Mirrored twice or more: everything may be needed.
        if low < -(side - 1) or high > 2 * side - 1:
            low, high = 0, side
        mirrored = max(high, -low + 1) if low < 0 else high
        start = min(low, 2 * (side - 1) - (high - 1)) if high > side else low
        bounds.append((max(0, start), min(side, mirrored)))
    (top, bottom), (left, right) = bounds
    return top, left, bottom, right
