"""Pictures of a run folder as data that a single HTML file can hold."""

import base64
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segexp.report import values
from segexp.runs import entries
from segexp.runs.contents import RunContents
from segexp.runs.paths import path_inside

LARGEST, MOST_PIXELS = 2**26, 2**27
"""Bytes and pixels of a picture that a page takes."""
MOST = 100
"""Pictures of a kind on a page."""
RANKS = ("worst", "middle", "median", "best")
"""The order of the panels; other ranks follow."""


@dataclass(frozen=True)
class EmbeddedPicture:
    """An embedded PNG.

    Attributes:
        source: ``data:`` address with the whole file.
        label: Short name, such as the rank of a panel.
        caption: What is to be seen.
    """

    source: str
    label: str
    caption: str

    @property
    def alternative(self) -> str:
        """Text in place of the picture, for screen readers."""
        return ", ".join(part for part in (self.label, self.caption) if part)


def embed_png(path: Path | None, label: str = "", caption: str = "") -> EmbeddedPicture | None:
    """Read a PNG, or give None where there is none, or one that is too large to be ours."""
    if path is None or not path.is_file() or path.stat().st_size > LARGEST:
        return None
    content = path.read_bytes()
    if not is_small_png(content, MOST_PIXELS):
        return None
    return EmbeddedPicture(f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}", label, caption)


def is_small_png(content: bytes, most: int) -> bool:
    """Tells whether bytes begin as a PNG of at most ``most`` pixels: a small file can hold an image of many GB."""
    if len(content) < 24 or not content.startswith(b"\x89PNG\r\n\x1a\n"):
        return False
    width, height = struct.unpack(">II", content[16:24])
    return 0 < int(width) * int(height) <= most


def embed_panels(folder: RunContents) -> list[EmbeddedPicture]:
    """Panels in the order worst, median, best; those that results.json does not name follow by file name."""
    named = folder.results.get("panels")
    listed = [entry for entry in named if isinstance(entry, Mapping)] if isinstance(named, list) else []
    listed.sort(key=lambda entry: RANKS.index(entry["rank"]) if entry.get("rank") in RANKS else len(RANKS))
    pictures = [
        embed_png(
            path_inside(folder.path, entry.get("file")), entries.to_text(entry.get("rank")), _panel_caption(entry)
        )
        for entry in listed[:MOST]
    ]
    known = {Path(str(entry.get("file"))).name for entry in listed}
    others = [path for path in sorted((folder.path / "panels").glob("*.png")) if path.name not in known]
    pictures += [embed_png(path_inside(folder.path, path.resolve()), "", path.stem) for path in others[:MOST]]
    return [picture for picture in pictures if picture is not None]


def _panel_caption(entry: Mapping[str, object]) -> str:
    figures = entry.get("figures")
    shown = figures.items() if isinstance(figures, Mapping) else ()
    parts = [
        entries.to_text(entry.get("image")),
        *(f"{name} {value if isinstance(value, str) else values.format_measure(value, 3)}" for name, value in shown),
    ]
    return " · ".join(part for part in parts if part)


def embed_files(folder: RunContents, captions: Mapping[str, str]) -> list[EmbeddedPicture]:
    """PNGs of a run folder by their place in it, each with its caption; those that are not there are left out."""
    found = (embed_png(path_inside(folder.path, name), "", caption) for name, caption in captions.items())
    return [picture for picture in found if picture is not None]


def embed_class_maps(folder: RunContents) -> list[EmbeddedPicture]:
    """Class maps by file name."""
    found = sorted((folder.path / "class_maps").glob("*.png"))[:MOST]
    pictures = [embed_png(path_inside(folder.path, path.resolve()), "", path.stem) for path in found]
    return [picture for picture in pictures if picture is not None]
