"""Maps of where something is seen: laid over their image with peaks and boxes, and many beside each other."""

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.captions import INK, PAPER, draw_text
from segexp.report.pictures.displayed import display_small
from segexp.report.pictures.pixels import Pixels

OPACITY = 0.5
LINES = ((INK, 4), ((255, 255, 255), 2))
"""Colour and width of lines: white on a darker, broader one is seen on any colour."""
TILE, TEXT, GAP = 320, 14, 10
"""Pixels of the longer side of a map among others, of letters, and between two maps."""
COLUMNS = 4


def overlay_map(
    image: NDArray[Any],
    values: NDArray[np.float32],
    peaks: Sequence[tuple[float, float]] = (),
    boxes: NDArray[np.float64] | None = None,
) -> Pixels:
    """Lays a map over its image: blue where it is lowest, red where it is highest.

    Args:
        image: uint8 or uint16 (H, W, C).
        values: float32 (H, W).
        peaks: x and y of peaks in pixels, drawn as circles, the first as a cross too.
        boxes: float (N, 4), x0, y0, x1, y1 in pixels, drawn as rectangles; None: there are none.

    Returns:
        uint8 (h, w, 3) RGB, of at most 1024 pixels a side.
    """
    rgb = display_small(image, np.ones(image.shape[:2], bool))
    height, width = rgb.shape[:2]
    heat = cv2.cvtColor(cv2.applyColorMap(_bytes(values, width, height), cv2.COLORMAP_JET), cv2.COLOR_BGR2RGB)
    shown = np.rint((1 - OPACITY) * rgb + OPACITY * heat).astype(np.uint8)
    share = width / image.shape[1]
    for x0, y0, x1, y1 in () if boxes is None else boxes * share:
        corners = (round(x0), round(y0)), (round(x1), round(y1))
        for colour, thick in LINES:
            cv2.rectangle(shown, *corners, colour, thick)
    for number, (x, y) in enumerate(peaks):
        at = round(x * share), round(y * share)
        for colour, thick in LINES:
            cv2.circle(shown, at, 7, colour, thick, cv2.LINE_AA)
            if number == 0:
                cv2.drawMarker(shown, at, colour, cv2.MARKER_CROSS, 28, thick)
    return shown


def draw_maps(image: NDArray[Any], maps: Mapping[str, NDArray[np.float32]], title: str) -> Pixels:
    """Draws an image and maps of it beside each other, each map from its own lowest to its own highest value.

    Args:
        image: uint8 or uint16 (H, W, C).
        maps: float32 (H, W) by name.
        title: In a line above.

    Returns:
        uint8 (h, w, 3) RGB.
    """
    rgb = display_small(image, np.ones(image.shape[:2], bool))
    scale = TILE / max(rgb.shape[:2])
    size = max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale))
    tiles = [_tile("image", np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8))]
    for name, values in maps.items():
        drawn = cv2.cvtColor(cv2.applyColorMap(_bytes(values, *size), cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
        tiles.append(_tile(name, np.asarray(drawn, np.uint8)))
    blank = np.full_like(tiles[0], PAPER)
    tiles += [blank] * (-len(tiles) % COLUMNS)
    rows = [np.concatenate(tiles[start : start + COLUMNS], axis=1) for start in range(0, len(tiles), COLUMNS)]
    head = np.full((2 * TEXT + GAP, rows[0].shape[1], 3), PAPER, np.uint8)
    draw_text(head, title, GAP, 2 * TEXT, TEXT + 1, bold=True)
    return np.concatenate([head, *rows])


def _bytes(values: NDArray[np.float32], width: int, height: int) -> Pixels:
    """A map from its lowest to its highest value as 0..255, at a size."""
    low, high = float(values.min()), float(values.max())
    scaled = (values - low) / max(high - low, 1e-12)
    small = cv2.resize(scaled, (width, height), interpolation=cv2.INTER_AREA)
    return np.rint(np.clip(small, 0, 1) * 255).astype(np.uint8)


def _tile(name: str, rgb: Pixels) -> Pixels:
    strip = np.full((2 * TEXT, rgb.shape[1], 3), PAPER, np.uint8)
    draw_text(strip, name, 0, round(1.4 * TEXT), TEXT)
    return np.pad(np.concatenate([strip, rgb]), ((0, GAP), (GAP, GAP), (0, 0)), constant_values=PAPER[0])
