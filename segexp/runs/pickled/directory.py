"""The size of the list of entries of an archive, which Python's zipfile reads whole before anything else."""

from pathlib import Path

from segexp.errors import DataError

MOST_DIRECTORY = 16_000_000
"""Bytes of it; that of 100,000 tensors has some 10 MB."""
_COMMENT = 2**16 + 100
"""Bytes at the end of an archive in which its last record lies."""


def check_directory(path: Path) -> None:
    """Refuses an archive whose list of entries would take more memory than that of any checkpoint.

    Raises:
        DataError: It would.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 2**16 - 100))
        end = file.read(_COMMENT)
    place = end.rfind(b"PK\x05\x06")
    if place < 0 or len(end) < place + 22:
        return
    size = int.from_bytes(end[place + 12 : place + 16], "little")
    if size == 2**32 - 1 and (wide := end.rfind(b"PK\x06\x06", 0, place)) >= 0:
        size = int.from_bytes(end[wide + 40 : wide + 48], "little")
    if size > MOST_DIRECTORY:
        raise DataError(
            f"{path}: found an archive whose list of entries has {size / 1e6:,.0f} MB, expected at most "
            f"{MOST_DIRECTORY / 1e6:.0f} MB; it is no checkpoint"
        )
