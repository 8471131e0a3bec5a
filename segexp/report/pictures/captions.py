"""Anti-aliased text and legends on pixel panels, with any letters that DejaVu Sans has."""

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.ft2font import FT2Font
from numpy.typing import NDArray

from segexp.report.pictures.colours import Colour
from segexp.report.pictures.pixels import Pixels
from segexp.runs.text import printable

INK = (24, 24, 27)
PAPER = (255, 255, 255)
BORDER = (150, 150, 155)


@dataclass(frozen=True)
class LegendEntry:
    """One coloured square with its name."""

    colour: Colour
    name: str


@functools.cache
def _font(bold: bool, size: int) -> FT2Font:
    # cv2.putText knows ASCII only; matplotlib ships this font, so it is there on every machine
    name = "DejaVuSans-Bold.ttf" if bold else "DejaVuSans.ttf"
    font = FT2Font(str(Path(matplotlib.get_data_path(), "fonts", "ttf", name)))
    font.set_size(size, 72)  # at 72 dpi a point is a pixel
    return font


def _glyphs(text: str, size: int, bold: bool) -> tuple[NDArray[np.uint8], int]:
    """Coverage (h, w) 0..255 of ``text`` and the rows that lie above its base line."""
    font, text = _font(bold, size), printable(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that the font lacks is drawn as a box, which is enough
        font.set_text(text)
        font.draw_glyphs_to_bitmap(antialiased=True)
    coverage = np.asarray(font.get_image(), dtype=np.uint8)
    return coverage, coverage.shape[0] - round(font.get_descent() / 64)


def text_width(text: str, size: int, bold: bool = False) -> int:
    """Width of ``text`` in pixels at a font size of ``size`` pixels."""
    return int(_glyphs(text, size, bold)[0].shape[1]) if text.strip() else 0


def shorten(text: str, width: int, size: int, bold: bool = False) -> str:
    """Cut ``text`` with an ellipsis so that it is at most ``width`` pixels wide."""
    if text_width(text, size, bold) <= width:
        return text
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if text_width(text[:middle].rstrip() + "…", size, bold) <= width:
            low = middle
        else:
            high = middle - 1
    return text[:low].rstrip() + "…" if low else ""


def draw_text(canvas: Pixels, text: str, left: int, baseline: int, size: int, bold: bool = False) -> int:
    """Write dark text into ``canvas`` in place.

    Args:
        canvas: uint8 (H, W, 3) 0..255.
        text: One line; what does not fit is cut with an ellipsis.
        left: Column where it starts.
        baseline: Row on which the letters stand.
        size: Font size in pixels.
        bold: Whether to use the bold face.

    Returns:
        The column after the text.
    """
    text = shorten(text, canvas.shape[1] - left, size, bold)
    if not text.strip():
        return left
    coverage, above = _glyphs(text, size, bold)
    top = max(0, baseline - above)
    area = canvas[top : top + coverage.shape[0], left : left + coverage.shape[1]]
    share = coverage[: area.shape[0], : area.shape[1], None].astype(np.float32) / 255
    area[:] = np.rint(area * (1 - share) + np.asarray(INK, np.float32) * share).astype(np.uint8)
    return left + int(coverage.shape[1])


def break_legend(entries: Sequence[LegendEntry], width: int, size: int, most: int) -> list[list[LegendEntry]]:
    """Breaks a legend into lines.

    Args:
        entries: In the order in which they are drawn.
        width: Of a line in pixels.
        size: Font size in pixels.
        most: Lines; the last one holds all that is left, and is cut by :func:`draw_legend`.

    Returns:
        One line at the least.
    """
    lines: list[list[LegendEntry]] = [[]]
    left = 0
    for entry in entries:
        wide = _entry_width(entry, size)
        if lines[-1] and left + wide > width and len(lines) < most:
            lines.append([])
            left = 0
        lines[-1].append(entry)
        left += wide + round(size * 0.7)
    return lines


def _entry_width(entry: LegendEntry, size: int) -> int:
    return round(size * 0.75) + size // 3 + text_width(entry.name, size)


def draw_legend(canvas: Pixels, entries: Sequence[LegendEntry], baseline: int, size: int) -> None:
    """Write squares with names from left to right; entries that do not fit are replaced by an ellipsis.

    Args:
        canvas: uint8 (H, W, 3) 0..255, changed in place.
        entries: In the order in which they are drawn.
        baseline: Row on which the letters stand.
        size: Font size in pixels.
    """
    side, left, width = round(size * 0.75), 0, canvas.shape[1]
    reserve = text_width("…", size)
    for number, entry in enumerate(entries):
        last = number == len(entries) - 1
        if left + _entry_width(entry, size) > width - (0 if last else reserve):
            draw_text(canvas, "…", left, baseline, size)
            return
        square = canvas[baseline - side : baseline, left : left + side]
        square[:] = BORDER  # an outline, or a white square would vanish on the paper
        square[1:-1, 1:-1] = entry.colour
        left = draw_text(canvas, entry.name, left + side + size // 3, baseline, size) + round(size * 0.7)
