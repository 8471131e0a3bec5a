"""A small picture that stands for a run: an image with what the model got wrong, or the first of its panels."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np

from segexp.report.pictures.displayed import LARGEST_SIDE
from segexp.report.pictures.embedded import LARGEST, RANKS, is_small_png
from segexp.report.pictures.layers import read_layer
from segexp.report.pictures.overlays import overlay_errors
from segexp.report.pictures.pixels import Pixels
from segexp.report.run_page.specimens import spec_of
from segexp.runs.contents import RunContents
from segexp.runs.paths import path_inside

ALL_BYTES = 2_000_000
"""Letters of all pictures of a page together: with its text a page of 200 runs stays below 3 MB."""
MOST_BYTES, LEAST_BYTES = 12_000, 900
"""Letters that one picture may take; where there is room for fewer than the least, there are no pictures."""
SIDES = (112, 96, 80, 64, 48, 36)
"""Height in pixels, the first that fits its share of the bytes."""
QUALITIES = (80, 60)
WIDEST = 2.5
"""Width over height of a picture; wider panels are cut off."""
PANEL_PIXELS = 2**24
"""Of a panel that is decoded: a hundred times as many as it is shown with."""


def share_of_bytes(runs: int) -> int:
    """Letters that the picture of each of so many runs may take; 0: too few for any."""
    share = min(MOST_BYTES, ALL_BYTES // max(1, runs))
    return share if share >= LEAST_BYTES else 0


def thumbnail(folder: RunContents, share: int) -> str:
    """Draws the picture of a run as a ``data:`` address.

    Args:
        folder: The run.
        share: Letters that it may take, of :func:`share_of_bytes`.

    Returns:
        Empty where the run has no picture that can be read, or none that is small enough.
    """
    if not share:
        return ""
    try:
        pixels = _picture(folder)
        return "" if pixels is None or min(pixels.shape[:2]) < 1 else _encoded(pixels, share)
    except Exception:  # files that anybody may have written hold anything; the row stands without a picture
        return ""


def _picture(folder: RunContents) -> Pixels | None:
    """Image and errors beside each other, of the middle one of the panels; else a panel as it is."""
    panels = folder.results.get("panels")
    listed = [panel for panel in panels if isinstance(panel, Mapping)] if isinstance(panels, list) else []
    order = ("middle", "median", *RANKS)
    listed.sort(key=lambda panel: order.index(panel["rank"]) if panel.get("rank") in order else len(order))
    for panel in listed[: len(order)]:
        if panel.get("layers") and (drawn := _with_errors(folder, panel["layers"])) is not None:
            return drawn
    files = [path_inside(folder.path, panel.get("file")) for panel in listed[: len(order)]]
    return _first_panel([file for file in files if file is not None])


def _with_errors(folder: RunContents, place: object) -> Pixels | None:
    spec = spec_of(folder.results)
    files = [path_inside(folder.path, f"{place}/{name}.png") for name in ("image", "truth", "prediction")]
    if spec is None or not all(file is not None and file.is_file() for file in files):
        return None
    image, truth, prediction = (read_layer(file) for file in files if file is not None)
    if not image.shape[:2] == truth.shape == prediction.shape:
        return None
    rgb = image if image.ndim == 3 else np.repeat(image[..., None], 3, axis=2)
    painted = overlay_errors(truth, prediction, spec)
    alpha = painted[..., 3:].astype(np.float32) / 255
    over = rgb * (1 - alpha) + painted[..., :3] * alpha
    gap = np.full((len(rgb), max(1, rgb.shape[1] // 40), 3), 255, np.uint8)
    return np.concatenate([rgb, gap, over.astype(np.uint8)], axis=1)


def _first_panel(files: Sequence[Path]) -> Pixels | None:
    for file in files:
        content = file.read_bytes() if file.is_file() and file.stat().st_size <= LARGEST else b""
        if is_small_png(content, PANEL_PIXELS):
            pixels = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
            if pixels is not None:
                return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB), np.uint8)
    return None


def _encoded(pixels: Pixels, share: int) -> str:
    """The largest JPEG of :data:`SIDES` and :data:`QUALITIES` that fits; empty where none does."""
    pixels = np.ascontiguousarray(pixels[:, : round(WIDEST * len(pixels))])
    for side in SIDES:
        height = min(side, LARGEST_SIDE)
        width = max(1, round(pixels.shape[1] * height / len(pixels)))
        # areas are averaged where it shrinks; what is smaller than a thumbnail keeps its pixels
        way = cv2.INTER_AREA if height < len(pixels) else cv2.INTER_NEAREST
        small = cv2.cvtColor(cv2.resize(pixels, (width, height), interpolation=way), cv2.COLOR_RGB2BGR)
        for quality in QUALITIES:
            content = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, quality])[1].tobytes()
            text = f"data:image/jpeg;base64,{base64.b64encode(content).decode('ascii')}"
            if len(text) <= share:
                return text
    return ""
