"""Random crops of an image and its mask, turned and zoomed in the same step."""

import math

import cv2
import numpy as np

from segexp.data.items import Image, Item, Mask
from segexp.spec import IGNORED

TRIES = 20
"""Draws before a crop is centred on a pixel that counts; crops without one are never returned."""


def random_crop(
    item: Item, size: int | None, rotate: float, scale: float, rng: np.random.Generator
) -> tuple[Image, Mask]:
    """Cuts a window at a random place.

    Without rotation and zoom the window lies inside the image and pixels are copied. With them it is centred on a
    random pixel that counts and resampled from the whole image (bilinear; nearest for the mask), so that corners
    hold image wherever there is image; beyond the border the image is mirrored and the mask is 255.

    Args:
        item: Image and mask.
        size: Side of the window in pixels; None: the whole image.
        rotate: Largest rotation in degrees.
        scale: Largest zoom: by a factor of ``exp(-scale)`` to ``exp(scale)``.
        rng: Source of all randomness.

    Returns:
        uint8 (size, size, C) and uint8 (size, size).
    """
    if rotate or scale:
        return _warped(item, size, rotate, scale, rng)
    if size is None:
        return item.image, item.mask
    top, left = _corner(item.mask, size, rng)
    window = np.s_[top : top + size, left : left + size]
    return item.image[window], item.mask[window]


def _corner(mask: Mask, size: int, rng: np.random.Generator) -> tuple[int, int]:
    """Top-left corner of a window that holds at least one pixel that counts (if the image has one)."""
    height, width = mask.shape
    for _ in range(TRIES):
        top = int(rng.integers(0, height - size + 1))
        left = int(rng.integers(0, width - size + 1))
        if (mask[top : top + size, left : left + size] != IGNORED).any():
            return top, left
    y, x = _centre(mask, rng)
    return (
        int(np.clip(y - size // 2, 0, height - size)),
        int(np.clip(x - size // 2, 0, width - size)),
    )


def _centre(mask: Mask, rng: np.random.Generator) -> tuple[int, int]:
    """A random pixel that counts; any pixel where none does."""
    height, width = mask.shape
    for _ in range(TRIES):
        y, x = int(rng.integers(0, height)), int(rng.integers(0, width))
        if mask[y, x] != IGNORED:
            return y, x
    # Rare (nearly everything is ignored): list the pixels that count, which costs a pass over the image.
    valid = np.flatnonzero(mask.ravel() != IGNORED)
    place = int(rng.choice(valid)) if len(valid) else int(rng.integers(0, mask.size))
    return place // width, place % width


def _warped(item: Item, size: int | None, rotate: float, scale: float, rng: np.random.Generator) -> tuple[Image, Mask]:
    height, width = item.mask.shape
    out_height, out_width = (height, width) if size is None else (size, size)
    if size is None:
        y, x = v, u = (height - 1) / 2, (width - 1) / 2
    else:
        # A pixel of the window, not the corner of four, lies on the pixel that counts.
        (y, x), v, u = _centre(item.mask, rng), size // 2, size // 2
    angle = math.radians(rng.uniform(-rotate, rotate))
    zoom = math.exp(rng.uniform(-scale, scale))
    cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
    # Maps a pixel of the window to a pixel of the image: turn about the window's centre (u, v), then move to (x, y).
    matrix = np.array([[cos, -sin, x - cos * u + sin * v], [sin, cos, y - sin * u - cos * v]])
    flags = cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(
        item.image,
        matrix,
        (out_width, out_height),
        flags=cv2.INTER_LINEAR | flags,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    mask = cv2.warpAffine(
        item.mask,
        matrix,
        (out_width, out_height),
        flags=cv2.INTER_NEAREST | flags,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=IGNORED,
    )
    return image.reshape(out_height, out_width, -1).astype(np.uint8, copy=False), mask.astype(np.uint8, copy=False)
