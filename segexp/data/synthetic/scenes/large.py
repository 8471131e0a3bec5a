"""Very large images from small drawings: drawn whole, 5000x5000 pixels take 15 s; these ways take 1 to 3."""

import cv2
import numpy as np

from segexp.data.synthetic.scenes.scene import Bytes, Painter, Scene, Shape

PIECE = 1000
"""Side of the pieces in pixels."""
DRAWN = 5
"""Pieces drawn for an image; turned and mirrored they give 40."""
LARGE = 2500**2
"""Pixels of an image above which scenes whose objects keep their size are drawn so."""


def draw_mosaic(paint: Painter, rng: np.random.Generator, shape: Shape) -> Scene:
    """Fills an image with pieces of its own, each turned or mirrored anew; no other image shares them.

    Args:
        paint: Draws a piece.
        rng: Source of randomness.
        shape: (H, W).

    Returns:
        Scene of that shape, with the kind of the piece in its middle; where pieces meet, what stands there is cut, in
        image and mask alike.
    """
    pieces = [paint(rng, (PIECE, PIECE)) for _ in range(DRAWN)]
    image, mask = np.empty((*shape, 3), np.uint8), np.empty(shape, np.uint8)
    order: list[int] = []
    kind = 0
    for top in range(0, shape[0], PIECE):
        for left in range(0, shape[1], PIECE):
            # Dealt like cards, so that each of the 40 is used before one comes again.
            order = order or rng.permutation(8 * DRAWN).tolist()
            number, view = divmod(order.pop(), 8)
            if top <= shape[0] // 2 and left <= shape[1] // 2:
                kind = pieces[number].kind
            place = np.s_[top : top + PIECE, left : left + PIECE]
            rows, columns = mask[place].shape
            image[place] = _turned(pieces[number].image, view)[:rows, :columns]
            mask[place] = _turned(pieces[number].mask, view)[:rows, :columns]
    return Scene(image, mask, np.ones(shape, np.uint8), kind)


def _turned(plane: Bytes, view: int) -> Bytes:
    """One of the eight views of a square."""
    turned = np.rot90(plane, view % 4)
    return turned[:, ::-1] if view >= 4 else turned


def draw_enlarged(paint: Painter, rng: np.random.Generator, shape: Shape) -> Scene:
    """Draws at a third of the side and enlarges; the boundary of the mask stays that of the image, and smooth.

    Args:
        paint: Draws a scene of two classes.
        rng: Source of randomness.
        shape: (H, W).

    Returns:
        Scene of that shape.
    """
    drawn = paint(rng, (-(-shape[0] // 3), -(-shape[1] // 3)))
    size = shape[1], shape[0]
    image = np.asarray(cv2.resize(drawn.image, size, interpolation=cv2.INTER_CUBIC), np.uint8)
    return Scene(image, _smooth(drawn.mask, size), _smooth(drawn.fov, size), drawn.kind)


def _smooth(plane: Bytes, size: Shape) -> Bytes:
    """Zeros and ones enlarged without stairs, uint8."""
    wide = cv2.resize(plane * np.uint8(255), size, interpolation=cv2.INTER_LINEAR)
    return np.asarray(wide >= 128, np.uint8)
