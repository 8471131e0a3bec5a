"""Identifies the file that predictions in an output folder were made of: by place, size, time and content."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from segexp.errors import DataError

BLOCK = 1 << 20
"""Bytes read at a time."""


COLUMNS = ("source", "bytes", "changed", "digest")
"""Columns of the summary that hold a mark."""


@dataclass(frozen=True)
class FileIdentity:
    """Facts that tell a file from another; empty where they are not known.

    Attributes:
        source: Of its whole path, or of its address without secrets: a digest, so that nobody's folders are told.
        size: Bytes.
        changed: Time of its last change in seconds, as far as it is known.
        digest: Of its content, once it has been predicted; of remote files never.
        name: As it was given, for messages.
    """

    source: str
    size: str = ""
    changed: str = ""
    digest: str = ""
    name: str = ""

    def same_state(self, other: "FileIdentity") -> bool:
        """Tells whether size and time are the same, as far as both are known."""
        pairs = ((self.size, other.size), (self.changed, other.changed))
        return all(one == two for one, two in pairs if one and two)

    @property
    def seconds(self) -> float:
        """Time of its last change."""
        return float(self.changed)

    def row(self) -> dict[str, str]:
        """Gives the columns of the summary."""
        return dict(zip(COLUMNS, (self.source, self.size, self.changed, self.digest), strict=True))


UNKNOWN = FileIdentity("")
"""Of files that are no predictions of ours: they are not written over."""


def identity_from_row(row: Mapping[str, Any]) -> FileIdentity | None:
    """Reads an identity from a row of the summary; None: it is of a version that wrote none."""
    if not row.get("source"):
        return None
    source, size, changed, digest = (row.get(key) or "" for key in COLUMNS)
    return FileIdentity(source, size, changed, digest, row["file"])


def identify_file(source: str, path: Path) -> FileIdentity:
    """Identifies a file of this machine, without its digest.

    Raises:
        OSError: It is gone.
    """
    status = path.stat()
    return FileIdentity(source, str(status.st_size), f"{status.st_mtime_ns / 1e9:.9f}")


def digest_address(place: str) -> str:
    """Digests a path or an address, which stands for it."""
    return hashlib.blake2b(place.encode("utf-8", "surrogateescape"), digest_size=8).hexdigest()


def digest_content(path: Path) -> str:
    """Digests the content of a file."""
    digest = hashlib.blake2b(digest_size=16)
    with path.open("rb") as stream:
        while block := stream.read(BLOCK):
            digest.update(block)
    return digest.hexdigest()


def foreign_predictions(owner: FileIdentity, file: str, output: Path) -> DataError:
    """Makes the error that refuses to write over predictions of another file."""
    if owner.source:
        found = f"{output.parent} holds predictions of {owner.name} under the same names ({output.name})"
    else:
        found = f"{output} is there and was not written by predict"
    return DataError(f"{file}: {found}; predict it into another folder, or write over them with overwrite=true")
