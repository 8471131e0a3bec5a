"""Which files are meant by ``input``, and where the predictions of each go."""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from segexp.data.paired import is_clutter
from segexp.data.rasters import Limit
from segexp.errors import DataError, UserError
from segexp.run.console import LOG
from segexp.special import special_file
from segexp.use.prediction.image_file import ImageFile, local_image
from segexp.use.prediction.remote.address import hidden, is_remote, path_of
from segexp.use.prediction.remote.image import ANY, remote_image
from segexp.use.prediction.remote.listing import changed, listed
from segexp.use.prediction.remote.watch import Bounds

SUFFIXES = {".bmp", ".gif", ".jpeg", ".jpg", ".npy", ".pgm", ".png", ".ppm", ".tif", ".tiff"}
"""What is taken from a folder; a file that is named, or that a glob matches, may end with anything."""


@dataclass(frozen=True)
class Input:
    """A file to predict.

    Attributes:
        address: Its path, or a remote address.
        stem: Path of its predictions without ending, relative to the output folder: ``sub/a`` for ``sub/a.tif``.
        fault: Why it cannot be read, where that is known already: a link of a list that leads nowhere.
    """

    address: str
    stem: Path
    fault: str = ""

    def __str__(self) -> str:
        """For logs and tables: without passwords and signatures."""
        return hidden(self.address) if is_remote(self.address) else self.address

    @property
    def name(self) -> str:
        """Its name alone, for the eye."""
        path = path_of(self.address) if is_remote(self.address) else self.address
        return path.rstrip("/").rpartition("/")[2]

    def changed(self, timeout: float) -> float | None:
        """Time of its last change in seconds; None: unknown.

        Raises:
            OSError: A file of this machine is gone.
            DataError: A remote one cannot be asked for.
        """
        return changed(self.address, timeout) if is_remote(self.address) else Path(self.address).stat().st_mtime

    @contextmanager
    def opened(self, timeout: float, bounds: Bounds = ANY, limit: Limit | None = None) -> Iterator[ImageFile]:
        """The file with its header read.

        Args:
            timeout: Seconds without an answer of a remote one.
            bounds: How long a remote one may take in all, and how large a copy may be.
            limit: What decoding may take of the memory.

        Raises:
            DataError: It is not there, no image, or beyond a bound.
        """
        if self.fault:
            raise DataError(self.fault)
        if is_remote(self.address):
            with remote_image(self.address, timeout, bounds, limit) as image:
                yield image
        else:
            yield local_image(Path(self.address), limit)


def find_inputs(given: str | Sequence[str], output: Path, timeout: float = 60.0, bounds: Bounds = ANY) -> list[Input]:
    """All files, in the order given, those of a folder or glob sorted; each once.

    Args:
        given: File, folder (all images in it and below), glob, or a list of these; here, or remote addresses.
        output: Folder of the predictions; what lies in it is no input.
        timeout: Seconds without an answer of a remote one.
        bounds: How long listing a remote folder may take.

    Raises:
        DataError: A path does not exist, a glob matches nothing, or a folder holds no image. Of several remote
            addresses a bad one is an input that fails by itself.
    """
    found: dict[str, Input] = {}
    alone = isinstance(given, str) or len(given) == 1
    for place in [given] if isinstance(given, str) else given:
        if is_remote(place):
            for file in _remote(place, timeout, bounds, alone=alone):
                found.setdefault(file.address, file)
            continue
        for file in _files(place, output.resolve()):
            found.setdefault(str(Path(file.address).resolve()), file)
    return list(found.values())


def _remote(place: str, timeout: float, bounds: Bounds, *, alone: bool) -> list[Input]:
    try:
        return [Input(address, stem) for address, stem in listed(place, sorted(SUFFIXES), timeout, bounds)]
    except UserError as error:
        if alone:
            raise
        return [Input(place, Path(place.partition("://")[2].strip("/") or "input").with_suffix(""), str(error))]


def _files(place: str, output: Path) -> list[Input]:
    path = Path(place).expanduser()
    if path.is_file():
        return [Input(str(path), Path(path.stem))]
    if path.is_dir():
        if output == path.resolve():
            raise DataError(f"input: {path} is the folder of the predictions too; give output=<another folder>")
        images = [below for below in sorted(path.rglob("*")) if below.suffix.lower() in SUFFIXES]
        return _below(path, images, output, f"{path} holds no image ({', '.join(sorted(SUFFIXES))})")
    if (what := special_file(path)) is not None:
        raise DataError(f"input: {path} is {what}, expected an image file or a folder of such")
    if not glob.has_magic(str(path)):
        raise DataError(f"input: no file or folder {path}")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute ones too
    return _below(_fixed(path), matches, output, f"{path} matches no file")


def _below(top: Path, paths: Sequence[Path], output: Path, nothing: str) -> list[Input]:
    """The files among some paths; what lies in folders below ``top`` stays in such folders."""
    for path in paths:
        if (what := passed_over(path)) is not None:
            LOG.warning(f"input: {path}: passed over, is {what}")
    files = [path for path in paths if path.is_file() and not is_clutter(path) and output not in path.resolve().parents]
    if not files:
        raise DataError(f"input: {nothing}")
    return [Input(str(path), path.relative_to(top).with_name(path.stem)) for path in files]


def passed_over(path: Path) -> str | None:
    """What a path that looks like an image is, if it is no regular file."""
    if is_clutter(path):
        return None
    return "a folder, not an image file" if path.suffix.lower() in SUFFIXES and path.is_dir() else special_file(path)


def _fixed(pattern: Path) -> Path:
    """The folder above the first part of a pattern that is one."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()
