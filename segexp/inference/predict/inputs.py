"""Finds the files that ``input`` names, and where the predictions of each go."""

import glob
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from segexp.data.file_kinds import describe_kinds, is_beside, is_clutter, is_image
from segexp.data.folder.tree import walk_files
from segexp.errors import DataError, UserError
from segexp.inference.predict.identity import FileIdentity, digest_address, identify_file
from segexp.inference.predict.image.image_file import ImageFile, open_local_image
from segexp.inference.predict.remote.address import hide_secrets, is_remote, path_in_address
from segexp.inference.predict.remote.image import ANY, open_remote_image
from segexp.inference.predict.remote.listing import list_remote_files, remote_state
from segexp.inference.predict.remote.watch import RemoteLimits
from segexp.rasters import Limit
from segexp.runs.console import LOG
from segexp.runs.text import printable
from segexp.system.special_files import special_file


@dataclass(frozen=True)
class Input:
    """A file to predict.

    Attributes:
        address: Its path, or a remote address.
        stem: Path of its predictions without ending, relative to the output folder: ``sub/a`` for ``sub/a.tif``.
        owner: The file that predictions under this name were made of; None: they may be replaced, whatever they are.
        fault: Why it cannot be read, where that is known already: a link of a list that leads nowhere.
    """

    address: str
    stem: Path
    owner: FileIdentity | None = None
    fault: str = ""

    def __str__(self) -> str:
        """For logs and tables: without passwords and signatures, and on one line."""
        return printable(hide_secrets(self.address) if is_remote(self.address) else self.address)

    @property
    def name(self) -> str:
        """Name of the file alone, for the eye."""
        path = path_in_address(self.address) if is_remote(self.address) else self.address
        return printable(path.rstrip("/").rpartition("/")[2])

    @property
    def source(self) -> str:
        """Digest of the whole path, or of the address without passwords and signatures."""
        return digest_address(str(Path(self.address).resolve()) if self.is_here else hide_secrets(self.address))

    @property
    def is_here(self) -> bool:
        """True for a file of this machine."""
        return not is_remote(self.address)

    def with_ending(self, name: str) -> "Input":
        """Gives the same file, whose predictions have ``_<name>`` behind its own name: ``sub/a_scale0.5``."""
        return replace(self, stem=self.stem.with_name(f"{self.stem.name}_{name}"))

    def identify(self, timeout: float) -> FileIdentity:
        """Identifies the file, also against itself before a change; without the digest.

        Raises:
            OSError: A file of this machine is gone.
            DataError: A remote one cannot be asked for.
        """
        if self.is_here:
            return identify_file(self.source, Path(self.address))
        return FileIdentity(self.source, *remote_state(self.address, timeout))

    @contextmanager
    def opened(self, timeout: float, bounds: RemoteLimits = ANY, limit: Limit | None = None) -> Iterator[ImageFile]:
        """Opens the file, its header read.

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
            with open_remote_image(self.address, timeout, bounds, limit) as image:
                yield image
        else:
            yield open_local_image(Path(self.address), limit)


def find_inputs(
    patterns: str | Sequence[str],
    output: Path,
    timeout: float = 60.0,
    bounds: RemoteLimits = ANY,
    passed_over: list[str] | None = None,
) -> list[Input]:
    """Finds all files, in the order given, those of a folder or glob sorted; each once.

    Args:
        patterns: File, folder (all images in it and below, see :mod:`segexp.data.file_kinds`), glob, or a list of
            these; here, or remote addresses. A file that is named, or that a glob matches, may end with anything.
        output: Folder of the predictions; what lies in it is no input.
        timeout: Seconds without an answer of a remote one.
        bounds: How long listing a remote folder may take.
        passed_over: Takes the files of folders that end as no images do.

    Raises:
        DataError: A path does not exist, a glob matches nothing, or a folder holds no image. Of several remote
            addresses a bad one is an input that fails by itself.
    """
    found: dict[str, Input] = {}
    left = passed_over if passed_over is not None else []
    alone = isinstance(patterns, str) or len(patterns) == 1
    for place in [patterns] if isinstance(patterns, str) else patterns:
        if is_remote(place):
            for file in _remote(place, timeout, bounds, left, alone=alone):
                found.setdefault(file.address, file)
            continue
        for file in _files(place, output.resolve(), left):
            found.setdefault(str(Path(file.address).resolve()), file)
    return list(found.values())


def _remote(place: str, timeout: float, bounds: RemoteLimits, left: list[str], *, alone: bool) -> list[Input]:
    try:
        return [Input(address, stem) for address, stem in list_remote_files(place, timeout, bounds, left)]
    except UserError as error:
        if alone:
            raise
        stem = Path(place.partition("://")[2].strip("/") or "input").with_suffix("")
        return [Input(place, stem, fault=str(error))]


def _files(place: str, output: Path, left: list[str]) -> list[Input]:
    path = Path(place).expanduser()
    if path.is_file():
        return [Input(str(path), Path(path.stem))]
    if path.is_dir():
        if output == path.resolve():
            raise DataError(f"input: {path} is the folder of the predictions too; give output=<another folder>")
        special: set[str] = set()
        every = _ours(sorted(walk_files(path, special)), output)
        for line in sorted(special):
            LOG.warning(f"input: {line}")
        others = [printable(str(below)) for below in every if not is_image(below.name) and not is_beside(below.name)]
        left += others
        held = f", but {describe_kinds(others)}" if others else ""
        return _below(path, [below for below in every if is_image(below.name)], f"{path} holds no image{held}")
    if (what := special_file(path)) is not None:
        raise DataError(f"input: {path} is {what}, expected an image file or a folder of such")
    if not glob.has_magic(str(path)):
        raise DataError(f"input: no file or folder {path}")
    matches = [Path(match) for match in sorted(glob.glob(str(path), recursive=True))]  # noqa: PTH207 - absolute ones too
    return _below(_fixed(path), _ours(matches, output), f"{path} matches no file")


def _ours(paths: Sequence[Path], output: Path) -> list[Path]:
    """The files among some paths, without predictions and what file managers leave behind."""
    for path in paths:
        if (what := _no_file(path)) is not None:
            LOG.warning(f"input: {path}: passed over, is {what}")
    return [
        path for path in paths if path.is_file() and not is_clutter(path.name) and output not in path.resolve().parents
    ]


def _below(top: Path, files: Sequence[Path], nothing: str) -> list[Input]:
    """Files as inputs; what lies in folders below ``top`` stays in such folders."""
    if not files:
        raise DataError(f"input: {nothing}")
    return [Input(str(path), path.relative_to(top).with_name(path.stem)) for path in files]


def _no_file(path: Path) -> str | None:
    """What a path that looks like an image is, if it is no regular file."""
    if is_clutter(path.name):
        return None
    return "a folder, not an image file" if is_image(path.name) and path.is_dir() else special_file(path)


def _fixed(pattern: Path) -> Path:
    """The folder above the first part of a pattern that is one."""
    parts: list[str] = []
    for part in pattern.parts[:-1]:
        if glob.has_magic(part):
            break
        parts.append(part)
    return Path(*parts) if parts else Path()
