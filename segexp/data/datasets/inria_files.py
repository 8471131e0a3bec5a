"""The file layout of the Inria aerial set: finds tiles and crops of tiles, and names every file that is amiss."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from segexp.config.suggest import nearest
from segexp.data.file_kinds import is_clutter, is_image
from segexp.errors import DataError

CITIES = ("austin", "chicago", "kitsap", "tyrol-w", "vienna")
"""Cities with labels."""
UNLABELLED = ("bellingham", "bloomington", "innsbruck", "sfo", "tyrol-e")
"""Cities of the contest's test part, whose labels were never published."""

_NAME = re.compile(r"([a-z]+(?:-[a-z]+)*)([1-9][0-9]*)(?:_.*)?")


@dataclass(frozen=True)
class Tile:
    """Files of one tile, or of one crop of a tile.

    Attributes:
        name: File name without its end: ``chicago12``, ``chicago12_0250_0500``.
        city: ``chicago``.
        number: 12, from the file name alone: a folder such as ``/data1`` must not be taken for it.
        image: RGB.
        mask: 0 and 255 (building).
    """

    name: str
    city: str
    number: int
    image: Path
    mask: Path

    @property
    def unit(self) -> str:
        """City and number: crops of one tile may overlap and must not be parted."""
        return f"{self.city}{self.number}"


@dataclass
class Scan:
    """Tiles in the order of city and number, what is wrong, and what was passed over."""

    tiles: list[Tile]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scan(root: Path, cities: Sequence[str] | None = None) -> Scan:
    """Finds ``images/`` and ``gt/`` and pairs their files by name; none is opened.

    Args:
        root: ``AerialImageDataset``, the folder that holds it, or a folder with ``images/`` and ``gt/`` of its own.
        cities: Only these; None: all of the contest.

    Raises:
        DataError: A folder is missing or empty.
    """
    folder = _labelled(root)
    known = [*CITIES, *UNLABELLED, *(cities or ())]
    found = Scan([])
    images = _named(folder / "images", known, found)
    masks = _named(folder / "gt", known, found)
    if not images and not found.problems:
        raise DataError(f"{folder / 'images'}: no image named <city><number>.tif or <city><number>_<crop>.png")
    found.problems += _missing_cities(folder, cities or (), images)
    wanted = {stem for stem in {*images, *masks} if cities is None or _parts(stem)[0] in cities}
    for stem in sorted(wanted, key=lambda stem: (*_parts(stem), stem)):
        if stem not in masks:
            found.problems.append(f"{images[stem]}: its mask is missing, expected {folder / 'gt' / images[stem].name}")
        elif stem not in images:
            found.problems.append(f"{masks[stem]}: belongs to no image")
        else:
            found.tiles.append(Tile(stem, *_parts(stem), images[stem], masks[stem]))
    _note_unlabelled(folder, found)
    return found


def _labelled(root: Path) -> Path:
    """The folder that holds ``images`` and ``gt``."""
    if not root.is_dir():
        raise DataError(f"datamodule.root: no folder {root}; give the folder AerialImageDataset of the Inria set")
    for folder in (root / "AerialImageDataset" / "train", root / "train", root):
        if (folder / "images").is_dir():
            if not (folder / "gt").is_dir():
                raise DataError(f"{folder / 'gt'}: no such folder, expected the masks of {folder / 'images'}")
            return folder
    holds = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
    raise DataError(
        f"datamodule.root: {root} holds {holds}; expected AerialImageDataset/train/images and gt, or images and gt"
    )


def _named(folder: Path, known: Sequence[str], found: Scan) -> dict[str, Path]:
    """Files by name without its end; an image whose tile is not known is a problem: it would be missed silently."""
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if is_clutter(path.name):
            continue
        if not is_image(path.name):
            found.notes.append(f"{path}: not used, it is no image")
        elif path.stem in files:
            found.problems.append(f"{path}: has the name of {files[path.stem].name}; keep one of them")
        elif (problem := _problem(path, known)) is not None:
            found.problems.append(problem)
        else:
            files[path.stem] = path
    return files


def _problem(path: Path, known: Sequence[str]) -> str | None:
    match = _NAME.fullmatch(path.stem)
    if match is None:
        return (
            f"{path}: its name does not say which tile it is; expected <city><number>{path.suffix} or "
            f"<city><number>_<crop>{path.suffix}, for example chicago12{path.suffix}; rename it or take it away"
        )
    if match[1] in known:
        return None
    best = nearest(match[1], known)
    return f"{path}: no city of the set is called {match[1]}; " + (
        f"is it {best}?" if best else "a city of your own is named in datamodule.cities"
    )


def _parts(stem: str) -> tuple[str, int]:
    match = _NAME.fullmatch(stem)
    if match is None:
        raise ValueError(f"{stem} was let through without a tile")
    return match[1], int(match[2])


def _missing_cities(folder: Path, cities: Sequence[str], images: dict[str, Path]) -> list[str]:
    there = sorted({_parts(stem)[0] for stem in images})
    return [
        f"datamodule.cities: no image of {city!r} in {folder / 'images'}; there are {', '.join(there) or 'none'}"
        for city in cities
        if city not in there
    ]


def _note_unlabelled(folder: Path, found: Scan) -> None:
    """The test part lies beside ``train``."""
    images = folder.parent / "test" / "images"
    if folder.name == "train" and images.is_dir():
        count = sum(is_image(path.name) for path in images.iterdir())
        found.notes.append(f"{images}: {count} images without published labels, not used")
