"""The file layout of DRIVE: finds images and what belongs to them, and names every file that is amiss."""

from dataclasses import dataclass, field
from pathlib import Path

from segexp.data.datasets.paired import check_root, holding, named, unpaired
from segexp.errors import DataError


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
    images = named(folder / "images", rf"(\d+)_{part}\.tif", "DRIVE", notes)
    if not images:
        raise DataError(f"{folder / 'images'}: no image named NN_{part}.tif; is datamodule.root the DRIVE folder?")
    manuals = named(folder / "1st_manual", r"(\d+)_manual1\.gif", "DRIVE", notes)
    masks = named(folder / "mask", rf"(\d+)_{part}_mask\.gif", "DRIVE", notes)
    seconds = named(folder / "2nd_manual", r"(\d+)_manual2\.gif", "DRIVE", notes)
    problems = [
        *unpaired(images, manuals, lambda n: folder / "1st_manual" / f"{n}_manual1.gif", "its vessels"),
        *unpaired(images, masks, lambda n: folder / "mask" / f"{n}_{part}_mask.gif", "its field of view"),
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
    check_root(root, "DRIVE's training/ and test/")
    if not folder.is_dir():
        hint = "; datamodule.split=holdout needs only training/" if part == "test" else ""
        raise DataError(f"{folder}: no such folder (datamodule.root={root} holds {holding(root)}){hint}")
