"""The size of the list of entries of an archive, which Python's zipfile reads whole before anything else."""

from collections.abc import Iterator
from pathlib import Path

from segexp.errors import DataError

MOST_DIRECTORY = 16_000_000
"""Bytes of it; that of 100,000 tensors has some 10 MB."""
_TAIL = 2**16 + 100
"""Bytes at the end of an archive in which its last record lies."""


def check_directory(path: Path) -> None:
    """Refuses an archive whose list of entries would take more memory than that of any checkpoint.

    Raises:
        DataError: It would.
    """
    length = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, length - _TAIL))
        end = file.read(_TAIL)
    # A directory longer than the file is none: zipfile refuses it by itself.
    size = max((found for found in _sizes(end) if found <= length), default=0)
    if size > MOST_DIRECTORY:
        raise DataError(
            f"{path}: found an archive whose list of entries has {size / 1e6:,.0f} MB, expected at most "
            f"{MOST_DIRECTORY / 1e6:.0f} MB; it is no checkpoint"
        )


def _sizes(end: bytes) -> Iterator[int]:
    """What each record that may be the last one says: zipfile takes the long form wherever there is one."""
    for mark, start, width in ((b"PK\x05\x06", 12, 4), (b"PK\x06\x06", 40, 8)):
        place = end.find(mark)
        while place >= 0:
            yield int.from_bytes(end[place + start : place + start + width], "little")
            place = end.find(mark, place + 1)
