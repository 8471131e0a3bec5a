"""What ``localize`` writes: overlays, maps beside each other, pseudo-masks, a table of peaks, the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from segexp.errors import ConfigError, DataError
from segexp.inference.localize.baselines import CENTRE, COLOUR
from segexp.inference.localize.image_work import SeenImage
from segexp.inference.localize.peaks import FloatMap, Peak
from segexp.inference.localize.pseudo_masks import MaskRule, pseudo_mask
from segexp.inference.localize.scores import FIGURES, Scored, compare_maps, score_image
from segexp.inference.localize.truth import Objects
from segexp.report.markdown import escape_text
from segexp.report.pictures.activation_maps import draw_maps, overlay_map
from segexp.report.pictures.png import save_png
from segexp.report.table import Table
from segexp.report.values import format_with_interval
from segexp.runs.folder import RunFolder
from segexp.runs.json_yaml import read_json
from segexp.runs.text import printable

FACTS, PEAKS, TABLE = "localize.json", "peaks.csv", "figures.md"
LABELS = {"inside": "in a box", "near": "near a centre", "ap": "AP"}


@dataclass
class Outputs:
    """Collects what is found of the images, and writes it.

    Attributes:
        folder: Where it goes.
        classes: Names of the classes.
        write: Of ``overlay``, ``panel`` and ``mask``.
        rule: How a map becomes a mask.
        objects: Of each image by name; None: not known.
        radius: Pixels within which a peak is near a centre.
        rows: Peaks, for the table.
        scored: Scores of the images by map.
    """

    folder: RunFolder
    classes: Sequence[str]
    write: Sequence[str]
    rule: MaskRule
    objects: Mapping[str, Objects] | None
    radius: float
    rows: list[dict[str, Any]] = field(default_factory=list)
    scored: dict[str, list[Scored]] = field(default_factory=dict)

    def add(self, seen: SeenImage, stem: Path) -> None:
        """Writes the pictures of an image, and keeps its peaks.

        Args:
            seen: What was found.
            stem: Path of its files without ending, below the folder.
        """
        objects = None if self.objects is None else self.objects[seen.name]
        first = next(iter(seen.maps))
        path = self.folder.path
        if "overlay" in self.write:
            peaks = [(peak.x, peak.y) for peak in seen.peaks[first]]
            boxes = None if objects is None else objects.boxes
            save_png(_beside(path / stem, "_overlay.png"), overlay_map(seen.pixels, seen.maps[first], peaks, boxes))
        if "panel" in self.write:
            label, likely = self.classes[seen.label], seen.probabilities[seen.label]
            save_png(
                _beside(path / stem, "_maps.png"),
                draw_maps(seen.pixels, self._drawn(seen.maps), f"{seen.name}: {label} {likely:.3f}"),
            )
        if "mask" in self.write:
            self._write_mask(seen, stem, first)
        self.keep(seen, stem)

    def _drawn(self, maps: Mapping[str, FloatMap]) -> dict[str, FloatMap]:
        """The maps of the panel: those that nothing was learnt for are compared with where objects are known."""
        left_out = (COLOUR, CENTRE) if self.objects is None else ()
        return {name: values for name, values in maps.items() if name not in left_out}

    def keep(self, seen: SeenImage, stem: Path) -> None:
        """Keeps the peaks of an image for the tables, its pictures being there; arguments as for :meth:`add`."""
        objects = None if self.objects is None else self.objects[seen.name]
        for name, peaks_of in seen.peaks.items():
            self._add_peaks(seen, stem, name, peaks_of, objects)

    def written(self, stem: Path) -> list[Path]:
        """The files that :meth:`add` writes of an image."""
        path = self.folder.path
        of = {
            "overlay": [_beside(path / stem, "_overlay.png")],
            "panel": [_beside(path / stem, "_maps.png")],
            "mask": [_beside(path / part / stem, ".png") for part in ("images", "masks")],
        }
        return [file for kind in self.write for file in of[kind]]

    def _write_mask(self, seen: SeenImage, stem: Path, first: str) -> None:
        if seen.pixels.dtype != "uint8" or seen.pixels.shape[2] not in (1, 3):
            raise DataError(
                f"{stem}: {seen.pixels.dtype} with {seen.pixels.shape[2]} channels, but images beside pseudo-masks are "
                "written as PNG of 8 bits, grey or RGB; leave mask out of write"
            )
        present = bool(seen.probabilities[seen.label] >= 0.5)
        pixels = seen.pixels[..., 0] if seen.pixels.shape[2] == 1 else seen.pixels
        save_png(_beside(self.folder.path / "images" / stem, ".png"), pixels)
        save_png(
            _beside(self.folder.path / "masks" / stem, ".png"),
            pseudo_mask(seen.maps[first], self.rule, present=present),
        )

    def _add_peaks(
        self, seen: SeenImage, stem: Path, name: str, peaks: Sequence[Peak], objects: Objects | None
    ) -> None:
        scored = None if objects is None else score_image(peaks, objects, self.radius)
        if scored is not None:
            self.scored.setdefault(name, []).append(scored)
        for number, peak in enumerate(peaks):
            row = {
                "file": printable(stem.as_posix()), "map": name, "class": self.classes[seen.label],
                "probability": round(float(seen.probabilities[seen.label]), 6), "rank": number + 1,
                "x": round(peak.x, 1), "y": round(peak.y, 1), "score": f"{peak.score:.6g}",
            }  # fmt: skip
            if objects is not None and scored is not None:
                inside = objects.inside(peak)
                row |= {"inside": "" if inside is None else int(inside), "finds": int(scored.right[number])}
            self.rows.append(row)

    def finish(self, facts: Mapping[str, Any], base: str, resamples: int, seed: int) -> str:
        """Writes the tables.

        Args:
            facts: Of model, settings and images.
            base: Map that the others are compared with.
            resamples: Bootstrap samples; 0: no intervals.
            seed: Of these.

        Returns:
            The table of figures for the terminal; empty without objects.
        """
        self.folder.write_csv(PEAKS, self.rows)
        base = base if base in self.scored else next(iter(self.scored), "")
        figures = compare_maps(self.scored, base, resamples, seed) if self.scored else {}
        table = localization_table(figures, base, self.radius) if figures else None
        self.folder.write_json(FACTS, {**facts, "base": base or None, "figures": figures})
        if table is None:
            return ""
        self.folder.write_text(TABLE, format_markdown(table))
        return table.as_text()


def localization_table(figures: Mapping[str, Mapping[str, Any]], base: str, radius: float) -> Table:
    """Builds the table of figures, a row for each map; differences are those to the map ``base``."""
    known = [key for key in FIGURES if any(row["value"][key] is not None for row in figures.values())]
    header = ("map", *(LABELS[key] for key in known), *(f"{LABELS[key]}, difference" for key in known))
    rows = []
    for name, row in figures.items():
        cells = [
            format_with_interval(row[part][key], row.get(of, {}).get(key), 3)
            for part, of in (("value", "interval"), ("difference", "difference_interval"))
            for key in known
        ]
        rows.append((name, *cells))
    title = (
        f"highest peak in a box and within {radius:g} pixels of a centre, average precision; 95 % intervals; "
        f"differences to {base}"
    )
    return Table(title, header, tuple(rows))


def format_markdown(table: Table) -> str:
    """A table as Markdown."""
    lines = [[escape_text(cell) for cell in row] for row in (table.header, *table.rows)]
    rule = ["---"] * len(table.header)
    drawn = ["| " + " | ".join(line) + " |" for line in (lines[0], rule, *lines[1:])]
    return f"{escape_text(table.title)}\n\n" + "\n".join(drawn) + "\n"


def open_folder(path: Path, made: Mapping[str, Any], *, overwrite: bool) -> RunFolder:
    """Gives the folder of the results.

    Args:
        path: Of the folder.
        made: What decides the results beside the images; results that were made so are gone on with.
        overwrite: Whether others may be written over.

    Raises:
        ConfigError: Something else lies there, or results that are not to be written over.
    """
    if path.is_dir() and any(path.iterdir()):
        ours = (path / FACTS).is_file()
        if not ours:
            raise ConfigError(f"output: {path} holds other files; give another folder")
        before = _made(path / FACTS)
        changed = [key for key in made if before.get(key) != made[key]]
        if changed and not overwrite:
            how = f" (made in another way: {', '.join(changed)})" if before else ""
            raise ConfigError(
                f"output: {path} holds results of localize; write over them with overwrite=true, or give another "
                f"folder{how}"
            )
    return RunFolder(path)


def _made(path: Path) -> dict[str, Any]:
    """How the results of a folder were made; empty where that is not known."""
    try:
        return dict(read_json(path)["made"])
    except (OSError, ValueError, KeyError, TypeError):
        return {}


def _beside(stem: Path, ending: str) -> Path:
    return stem.with_name(stem.name + ending)
