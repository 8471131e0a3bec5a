"""Panels of the images that differ most, the predictions of all configurations beside each other."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from segexp.report import values
from segexp.report.comparison_page.comparison_group import ComparisonGroup
from segexp.report.comparison_page.configurations.configuration import Configuration
from segexp.report.comparison_page.configurations.run import ComparedRun
from segexp.report.pictures.embedded import LARGEST, MOST_PIXELS, EmbeddedPicture, embed_png, is_small_png
from segexp.runs.paths import path_inside

IMAGES = 4
"""Images that are shown at most."""
ROWS = 6
"""Predictions of one image that are shown at most."""
WIDEST = 900
"""Pixels across half a panel; all panels of all runs would make a page of 100 MB."""


@dataclass(frozen=True)
class Sight:
    """One test image: what is there, and what each configuration makes of it."""

    image: str
    truth: EmbeddedPicture | None
    predictions: tuple[EmbeddedPicture, ...]


def sights(group: ComparisonGroup) -> list[Sight]:
    """Images of which two or more configurations have a panel, those that differ most first."""
    found: list[Sight] = []
    for image, _ in group.spread_of_images:
        there = list(_with_panel(group, image))[:ROWS]
        if len(there) > 1:
            found.append(_sight(image, there, group))
        if len(found) == IMAGES:
            break
    return found


def _with_panel(group: ComparisonGroup, image: str) -> Iterator[tuple[Configuration, ComparedRun, Path]]:
    """The first run of each configuration that has a panel of the image."""
    for row in group.rows:
        for run in row.runs:
            path = panel_of(run, image)
            if path is not None:
                yield row, run, path
                break


def panel_of(run: ComparedRun, image: str) -> Path | None:
    """The picture of an image in a run folder; runs draw some of their images only."""
    entries = run.results.get("panels")
    for entry in entries if isinstance(entries, list) else ():
        if isinstance(entry, Mapping) and entry.get("image") == image:
            path = path_inside(run.path, entry.get("file"))
            return path if path is not None and path.is_file() else None
    return None


def _sight(image: str, there: list[tuple[Configuration, ComparedRun, Path]], group: ComparisonGroup) -> Sight:
    truth: EmbeddedPicture | None = None
    predictions: list[EmbeddedPicture] = []
    for row, run, path in there:
        value = run.images.get(group.measure.column, {}).get(image)
        caption = f"{group.measure.label} {values.format_measure(value, group.measure.digits)}"
        caption += f" · seed {run.seed}" if len(row.repeats) > 1 else ""
        first, second = _halves(path)
        if first and truth is None:
            truth = EmbeddedPicture(first, "", "what is there")
        # A panel that cannot be cut is shown whole.
        picture = EmbeddedPicture(second, row.name, caption) if second else embed_png(path, row.name, caption)
        predictions += [picture] if picture else []
    return Sight(image, truth, tuple(predictions))


def _halves(path: Path) -> tuple[str, str]:
    """Both halves of a panel as ``data:`` addresses; empty where the picture is none of our panels."""
    # Heavy, and many comparisons have no panels.
    import cv2
    import numpy as np

    from segexp.report.pictures.panels import split_panel
    from segexp.report.pictures.png import COMPACT

    content = path.read_bytes() if path.stat().st_size <= LARGEST else b""
    known = is_small_png(content, MOST_PIXELS)
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR) if known else None
    cut = split_panel(np.asarray(picture, dtype=np.uint8)) if picture is not None else None
    if cut is None:
        return "", ""
    sources = []
    for half in cut:
        share = min(1.0, WIDEST / half.shape[1])
        small = cv2.resize(half, None, fx=share, fy=share, interpolation=cv2.INTER_AREA) if share < 1 else half
        _, buffer = cv2.imencode(".png", small, [cv2.IMWRITE_PNG_COMPRESSION, COMPACT])
        sources.append("data:image/png;base64," + base64.b64encode(buffer.tobytes()).decode("ascii"))
    return sources[0], sources[1]
