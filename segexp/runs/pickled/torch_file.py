"""What lies in a file of ``torch.save``, read as data: its pickle, and where the values of its tensors are."""

import struct
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.errors import DataError, one_line
from segexp.runs.pickled.directory import check_directory
from segexp.runs.pickled.reader import MOST_BYTES, Bounded, PickleBombError, Unpickled, read_pickle
from segexp.runs.pickled.tensors import SIZES, TAKEN, StoredTensor
from segexp.runs.text import printable, shortened

_LEGACY = 0x1950A86A20F9469CFC6C
"""What files of torch before 1.6 begin with."""


@dataclass(frozen=True)
class TorchFile:
    """A file of ``torch.save``.

    Attributes:
        path: Where it lies.
        content: Its pickle.
        folder: Before the names of its entries, ``archive``; None: it is of the old kind, which is no archive.
    """

    path: Path
    content: Unpickled
    folder: str | None

    @property
    def strangers(self) -> list[str]:
        """Classes and functions that it names, which ``weights_only=True`` does not take."""
        return [name for name in self.content.names if name not in TAKEN]

    def described_strangers(self) -> str:
        """Says what it names that is no data, in place of torch's advice to read it with code."""
        names = [shortened(printable(name), 80) for name in self.strangers]
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        return f"it names {', '.join(names[:3])}{more}, which is no tensor and no plain value; nothing of it was run"

    def scalar(self, tensor: StoredTensor) -> float | None:
        """The value of a tensor that has one; None: it has several, or is of another type than float32 and float64."""
        form = {"float32": "<f", "float64": "<d"}.get(tensor.dtype)
        if self.folder is None or form is None or tensor.values != 1 or tensor.offset >= MOST_BYTES:
            return None
        size = SIZES[tensor.dtype]
        with suppress(KeyError, OSError, zipfile.BadZipFile, zlib.error, struct.error, NotImplementedError, ValueError):
            with zipfile.ZipFile(self.path) as archive:
                values = _read(archive, f"{self.folder}/data/{tensor.key}", (tensor.offset + 1) * size)
            return float(struct.unpack(form, values[tensor.offset * size :])[0])
        return None


def read_torch_file(path: Path) -> TorchFile | None:
    """Reads the pickle of a file of ``torch.save``; values of tensors stay on the disk.

    Returns:
        None: It is an archive of another kind.

    Raises:
        PickleBombError: Its pickle is larger than any of ours, or makes more than the file could hold.
        ValueError: It is no pickle, or a damaged one.
        DataError: It is an archive that no memory holds.
        OSError: It cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        # As torch tells archives: a file that is one at its end alone is read as a pickle.
        if file.read(4) != b"PK\x03\x04":
            file.seek(0)
            return TorchFile(path, _read_legacy(file, size), None)
    check_directory(path)
    with zipfile.ZipFile(path) as archive:
        name = _pickle_in(archive)
        if name is None:
            return None
        with archive.open(name) as entry:
            return TorchFile(path, read_pickle(Bounded(entry, MOST_BYTES), size), name.rpartition("/")[0])


def _pickle_in(archive: zipfile.ZipFile) -> str | None:
    names = [name.lower() for name in archive.namelist()]
    found = [name for name in archive.namelist() if name.count("/") == 1 and name.lower().endswith("/data.pkl")]
    if len(found) > 1 or len(set(names)) < len(names):
        # Which of them is read depends on the reader.
        raise PickleBombError("its archive has several entries of one name")
    return found[0] if found else None


def _read_legacy(file: Any, size: int) -> Unpickled:
    """The old kind: a number, a version, facts of the machine, then what was saved, one pickle after the other."""
    first = read_pickle(file, size)
    if first.value != _LEGACY:
        return first
    before = [first, read_pickle(file, size), read_pickle(file, size)]
    saved = read_pickle(file, size)
    every = [*before, saved, read_pickle(file, size)]  # the last one holds the keys of the values
    return Unpickled(
        saved.value,
        tuple(dict.fromkeys(name for each in every for name in each.names)),
        tuple(call for each in every for call in each.calls),
        frozenset[str]().union(*(each.operations for each in every)),
    )


def _read(archive: zipfile.ZipFile, name: str, most: int) -> bytes:
    with archive.open(name) as file:
        return file.read(most)


def storage_bytes(file: TorchFile) -> dict[str, int]:
    """Bytes of the values in the archive, by their key; empty for the old kind."""
    if file.folder is None:
        return {}
    with zipfile.ZipFile(file.path) as archive:
        sizes = {each.filename: each.file_size for each in archive.infolist()}
    head = f"{file.folder}/data/"
    return {name.removeprefix(head): size for name, size in sizes.items() if name.startswith(head)}


def refuse_bomb(path: Path) -> None:
    """Refuses a file of weights whose pickle takes more memory than the file could need; what is no pickle passes.

    Raises:
        DataError: It does.
    """
    try:
        read_torch_file(path)
    except PickleBombError as error:
        raise DataError(f"{path}: {error}, as in no file that torch writes") from error
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):
        return


def why_unreadable(path: Path, error: BaseException) -> str:
    """Says in a line why ``torch.load`` refused a file: what it names that is no data, else the words of the error.

    Torch itself recommends ``weights_only=False``, which would run what the file says.
    """
    with suppress(ValueError, OSError, DataError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError):
        file = read_torch_file(path)
        if file is not None and file.strangers:
            return file.described_strangers()
    return _load_failure(error)


def _load_failure(error: BaseException) -> str:
    """The words of torch in a line, without its advice to run the code in the file."""
    _, found, said = str(error).rpartition("WeightsUnpickler error:")
    line = next(iter(said.strip().splitlines()), "") if found else one_line(error)
    return shortened(line.partition(". Please use ")[0], 200) or type(error).__name__
