"""Pictures of a run folder as data that a single HTML file can hold."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from segexp.reporting import values
from segexp.run.contents import RunContents

RANKS = ("worst", "middle", "median", "best")
"""The order of the panels; other ranks follow."""


@dataclass(frozen=True)
class Picture:
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


def embed(path: Path, label: str = "", caption: str = "") -> Picture | None:
    """Read a PNG, or give None where the file is missing."""
    if not path.is_file():
        return None
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return Picture(f"data:image/png;base64,{content}", label, caption)


def panels(folder: RunContents) -> list[Picture]:
    """Panels in the order worst, median, best; those that results.json does not name follow by file name."""
    named = folder.results.get("panels")
    entries = [entry for entry in named if isinstance(entry, Mapping)] if isinstance(named, list) else []
    entries.sort(key=lambda entry: RANKS.index(entry["rank"]) if entry.get("rank") in RANKS else len(RANKS))
    pictures = [
        embed(folder.path / str(entry.get("file")), values.words(entry.get("rank")), _panel_caption(entry))
        for entry in entries
    ]
    known = {Path(str(entry.get("file"))).name for entry in entries}
    others = [path for path in sorted((folder.path / "panels").glob("*.png")) if path.name not in known]
    pictures += [embed(path, "", path.stem) for path in others]
    return [picture for picture in pictures if picture is not None]


def _panel_caption(entry: Mapping[str, object]) -> str:
    figures = entry.get("figures")
    shown = figures.items() if isinstance(figures, Mapping) else ()
    parts = [
        values.words(entry.get("image")),
        *(f"{name} {values.measure(value, 3)}" for name, value in shown),
    ]
    return " · ".join(part for part in parts if part)


def class_maps(folder: RunContents) -> list[Picture]:
    """Class maps by file name."""
    pictures = [embed(path, "", path.stem) for path in sorted((folder.path / "class_maps").glob("*.png"))]
    return [picture for picture in pictures if picture is not None]
