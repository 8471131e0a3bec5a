"""A contact sheet: rows of an image with places marked in it, and the samples cut there, classes outlined."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from segexp.report.pictures.captions import BORDER, INK, PAPER, LegendEntry, draw_legend, draw_text
from segexp.report.pictures.colours import Colour
from segexp.report.pictures.displayed import display_small, shrink_labels
from segexp.report.pictures.pixels import IGNORED_DARK, IGNORED_LIGHT, Pixels, wrong_colours
from segexp.spec import IGNORED, DataSpec

CELL = 256
"""Side of a picture of the sheet, pixels."""
GAP, TEXT = 12, 15
STRIPE = 6
"""Width of the stripes over ignored pixels."""
MARK: Colour = (255, 255, 255)
LABEL = (12, 15)
"""Width and height of the number of a place, pixels."""


@dataclass(frozen=True)
class SheetCell:
    """A picture with its caption.

    Attributes:
        caption: One line above it.
        image: uint8 or uint16 (H, W, C).
        mask: uint8 (H, W), classes and 255.
        marks: Corners (4, 2) of places in the image, each with a word.
    """

    caption: str
    image: NDArray[Any]
    mask: NDArray[np.uint8]
    marks: Sequence[tuple[str, NDArray[np.float32]]] = field(default_factory=tuple)


def outline_colours(spec: DataSpec) -> dict[int, Colour]:
    """The colour of the outline of each class of pixels but the first, bright enough for any image."""
    return dict(enumerate(wrong_colours(spec)[1:], start=1))


def draw_cell(cell: SheetCell, spec: DataSpec) -> Pixels:
    """A cell, uint8 (CELL, CELL, 3): enlarged by a whole factor or reduced, classes outlined, 255 hatched."""
    height, width = cell.mask.shape
    share = CELL / max(height, width)
    share = float(int(share)) if share >= 1 else share
    size = max(1, round(width * share)), max(1, round(height * share))
    how = cv2.INTER_AREA if share < 1 else cv2.INTER_NEAREST
    rgb = np.array(cv2.resize(display_small(cell.image, cell.mask != IGNORED), size, interpolation=how), np.uint8)
    mask = np.array(cv2.resize(shrink_labels(cell.mask), size, interpolation=cv2.INTER_NEAREST), np.uint8)
    shown = _marked(_outlined(_hatched(rgb, mask), mask, spec, 2 if share >= 4 else 1), cell, share)
    # An edge, or a white image would have none on the paper.
    cv2.rectangle(shown, (0, 0), (shown.shape[1] - 1, shown.shape[0] - 1), BORDER, 1)
    canvas = np.full((CELL, CELL, 3), PAPER, np.uint8)
    canvas[: shown.shape[0], : shown.shape[1]] = shown
    return canvas


def _outlined(rgb: Pixels, mask: NDArray[np.uint8], spec: DataSpec, width: int) -> Pixels:
    """Paints the inner border of each region of a class, and a dark line around it: one is seen on any image."""
    kernel = np.ones((2 * width + 1, 2 * width + 1), np.uint8)
    regions = {number: (mask == number).astype(np.uint8) for number in outline_colours(spec)}
    for region in regions.values():
        rgb[(cv2.dilate(region, kernel) == 1) & (region == 0)] = INK
    for number, colour in outline_colours(spec).items():
        # The border of the picture is none of the region.
        inside = cv2.erode(regions[number], kernel, borderType=cv2.BORDER_CONSTANT, borderValue=1)
        rgb[(regions[number] == 1) & (inside == 0)] = colour
    return rgb


def _hatched(rgb: Pixels, mask: NDArray[np.uint8]) -> Pixels:
    """Diagonal stripes over what counts nowhere; the image stays visible between them."""
    ignored = mask == IGNORED
    rows, columns = np.ogrid[: rgb.shape[0], : rgb.shape[1]]
    stripe = (rows + columns) // STRIPE % 2 == 0
    rgb[ignored & stripe] = IGNORED_DARK
    rgb[ignored & ~stripe] = (0.5 * rgb[ignored & ~stripe] + 0.5 * np.array(IGNORED_LIGHT)).astype(np.uint8)
    return rgb


def _marked(rgb: Pixels, cell: SheetCell, share: float) -> Pixels:
    """Draws places with a dark edge, and above all of them their words."""
    outlines = [np.rint(corners * share).astype(np.int32) for _, corners in cell.marks]
    for points in outlines:
        cv2.polylines(rgb, [points], True, INK, 3, cv2.LINE_AA)
        cv2.polylines(rgb, [points], True, MARK, 1, cv2.LINE_AA)
    taken: list[tuple[int, int]] = []
    for (word, _), points in zip(cell.marks, outlines, strict=True):
        x, y = _label_place(points, rgb.shape, taken)
        taken.append((x, y))
        label = rgb[y : y + LABEL[1], x : x + LABEL[0]]
        label[:] = MARK
        draw_text(label, word, 2, 12, 12, bold=True)
    return rgb


def _label_place(points: NDArray[np.int32], shape: Sequence[int], taken: Sequence[tuple[int, int]]) -> tuple[int, int]:
    """Left and top of the label of a place: at its first corner, which a turned place has elsewhere, if that is free.

    Else at another corner or in the middle of a side, all within the picture.
    """
    ends = np.concatenate([points, (points + np.roll(points, -1, axis=0)) // 2])
    room = max(0, shape[1] - LABEL[0]), max(0, shape[0] - LABEL[1])
    places = [(int(x), int(y)) for x, y in np.clip(ends, 0, room)]
    free = (p for p in places if all(abs(p[0] - x) >= LABEL[0] or abs(p[1] - y) >= LABEL[1] for x, y in taken))
    return next(free, places[0])


def draw_row(cells: Sequence[SheetCell], spec: DataSpec) -> Pixels:
    """Cells beside each other, each below its caption."""
    parts = []
    for cell in cells:
        strip = np.full((TEXT * 2 - 8, CELL, 3), PAPER, np.uint8)
        draw_text(strip, cell.caption, 0, TEXT, TEXT - 2)
        parts += [
            np.concatenate([strip, draw_cell(cell, spec)]),
            np.full((TEXT * 2 - 8 + CELL, GAP, 3), PAPER, np.uint8),
        ]
    return np.concatenate(parts[:-1], axis=1)


def sheet_legend(spec: DataSpec, *, ignored: bool) -> list[LegendEntry]:
    """Outlines of the classes, and what is hatched."""
    entries = [LegendEntry(colour, spec.classes[number]) for number, colour in outline_colours(spec).items()]
    return [*entries, *([LegendEntry(IGNORED_DARK, "ignored (255)")] if ignored else [])]


def draw_sheet(rows: Sequence[Pixels], spec: DataSpec, title: str, *, ignored: bool) -> Pixels:
    """All rows below a title and the legend, uint8 (H, W, 3)."""
    width = max(row.shape[1] for row in rows)
    head = np.full((TEXT * 4, width, 3), PAPER, np.uint8)
    draw_text(head, title, 0, TEXT + 4, TEXT + 3, bold=True)
    draw_legend(head, sheet_legend(spec, ignored=ignored), TEXT * 3, TEXT - 2)
    parts = [head]
    for row in rows:
        wide = np.full((row.shape[0] + GAP, width, 3), PAPER, np.uint8)
        wide[: row.shape[0], : row.shape[1]] = row
        parts.append(wide)
    return np.asarray(np.pad(np.concatenate(parts), ((GAP, 0), (GAP, GAP), (0, 0)), constant_values=255))
