"""The file layout of DRIVE: finds images and what belongs to them, and names every file that is amiss."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from segexp.errors import DataError

CLUTTER = {"Thumbs.db", "desktop.ini"}
"""What file managers leave behind; hidden files are passed over as well."""


@dataclass(frozen=True)
class DriveImage:
    """Files of one image.

    Attributes:
        name: ``21_training``.
        image: RGB image.
        manual: First observer's vessels, 0 and 255.
        mask: Field of view, 0 and 255.
        second: Second observer's vessels, where there are some.
    """

    name: str
    image: Path
    manual: Path
    mask: Path
    second: Path | None = None


@dataclass(frozen=True)
class Scan:
    """Images of one part, files without a partner, and what was passed over."""

    images: list[DriveImage]
    problems: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def scan(root: Path, part: str) -> Scan:
    """Finds the images of ``root/training`` or ``root/test``.

    Args:
        root: Folder that holds ``training`` (and ``test``).
        part: ``training`` or ``test``.

    Raises:
        DataError: The folder is missing or empty.
    """
    folder = root / part
    _check_root(root, folder, part)
    notes: list[str] = []
    images = _numbered(folder / "images", rf"(\d+)_{part}\.tif", notes)
    if not images:
        raise DataError(f"{folder / 'images'}: no image named NN_{part}.tif; is datamodule.root the DRIVE folder?")
    manuals = _numbered(folder / "1st_manual", r"(\d+)_manual1\.gif", notes)
    masks = _numbered(folder / "mask", rf"(\d+)_{part}_mask\.gif", notes)
    seconds = _numbered(folder / "2nd_manual", r"(\d+)_manual2\.gif", notes)
    problems = [
        *_unpaired(images, manuals, folder / "1st_manual", "{}_manual1.gif", "its vessels"),
        *_unpaired(images, masks, folder / "mask", f"{{}}_{part}_mask.gif", "its field of view"),
    ]
    lacking = [images[number].name for number in sorted(set(images) - set(seconds))]
    if seconds and lacking:
        notes.append(
            f"{folder / '2nd_manual'}: no second observer for {', '.join(lacking)}; not scored unless all have one"
        )
    notes += [f"{seconds[number]}: belongs to no image" for number in sorted(set(seconds) - set(images))]
    found = [
        DriveImage(path.stem, path, manuals[number], masks[number], seconds.get(number))
        for number, path in sorted(images.items())
        if number in manuals and number in masks
    ]
    return Scan(found, problems, notes)


def _check_root(root: Path, folder: Path, part: str) -> None:
    if not root.is_dir():
        raise DataError(f"datamodule.root: no folder {root}; give the folder that holds DRIVE's training/ and test/")
    if not folder.is_dir():
        holds = ", ".join(sorted(p.name for p in root.iterdir())[:8]) or "nothing"
        hint = "; datamodule.split=holdout needs only training/" if part == "test" else ""
        raise DataError(f"{folder}: no such folder (datamodule.root={root} holds {holds}){hint}")


def _numbered(folder: Path, pattern: str, notes: list[str]) -> dict[str, Path]:
    """Files by image number; what does not fit the pattern is noted, not used."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        match = re.fullmatch(pattern, path.name)
        if match:
            found[match.group(1)] = path
        elif not path.name.startswith(".") and path.name not in CLUTTER:
            notes.append(f"{path}: not used, its name does not fit the layout of DRIVE")
    return found


def _unpaired(images: dict[str, Path], partners: dict[str, Path], folder: Path, name: str, what: str) -> list[str]:
    missing = [
        f"{images[number]}: {what} is missing, expected {folder / name.format(number)}"
        for number in sorted(set(images) - set(partners))
    ]
    extra = [f"{partners[number]}: belongs to no image" for number in sorted(set(partners) - set(images))]
    return missing + extra
