"""Which files are meant by ``input``, and where the predictions of each go."""

import glob
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from segexp.data.paired import is_clutter
from segexp.errors import DataError

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pgm", ".png", ".ppm", ".tif", ".tiff"}
"""What is taken from a folder; a file that is named, or that a glob matches, may end with anything."""


@dataclass(frozen=True)
class Input:
    """A file to predict.

    Attributes:
        path: The file.
        stem: Path of its predictions without ending, relative to the output folder: ``sub/a`` for ``sub/a.tif``.
    """

    path: Path
    stem: Path


def find_inputs(given: str | Sequence[str], output: Path) -> list[Input]:
    """All files, in the order given, those of a folder or glob sorted; each once.

    Args:
        given: File, folder (all images in it and below), glob, or a list of these.
        output: Folder of the predictions; what lies in it is no input.

    Raises:
        DataError: A path does not exist, a glob matches nothing, or a folder holds no image.
    """
    found: dict[Path, Input] = {}
    for place in [given] if isinstance(given, str) else given:
        for file in _files(place, output.resolve()):
            found.setdefault(file.path.resolve(), file)
    return list(found.values())


def _files(place: str, output: Path) -> list[Input]:
    path = Path(place).expanduser()
    if path.is_file():
        return [Input(path, Path(path.stem))]
    if path.is_dir():
        if output == path.resolve():
            raise DataError(f"input: {path} is the folder of the predictions too; give output=<another folder>")
        images = [below for below in sorted(path.rglob("*")) if below.suffix.lower() in SUFFIXES]
        return _below(path, images, output, f"{path} holds no image ({', '.join(sorted(SUFFIXES))})")
    if "://" in place:
        raise DataError(f"input: {place} is a remote address; files are read from disks only: copy or mount it first")
    if not glob.has_magic(str(path)):
        raise DataError(f"input: no file or folder {path}")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute ones too
    return _below(_fixed(path), matches, output, f"{path} matches no file")


def _below(top: Path, paths: Sequence[Path], output: Path, nothing: str) -> list[Input]:
    """The files among some paths; what lies in folders below ``top`` stays in such folders."""
    files = [path for path in paths if path.is_file() and not is_clutter(path) and output not in path.resolve().parents]
    if not files:
        raise DataError(f"input: {nothing}")
    return [Input(path, path.relative_to(top).with_name(path.stem)) for path in files]


def _fixed(pattern: Path) -> Path:
    """The folder above the first part of a pattern that is one."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()
