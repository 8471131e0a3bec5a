"""The list of entries of an archive is bounded whatever its last records say."""

import struct
import zipfile
from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.runs.pickled.directory import MOST_DIRECTORY, check_directory


def padded(path: Path, record: bytes) -> Path:
    """A file that is long enough to hold what its last records claim."""
    with path.open("wb") as file:
        file.truncate(MOST_DIRECTORY + 1000)
        file.seek(0, 2)
        file.write(record)
    return path


def last(size: int) -> bytes:
    return b"PK\x05\x06" + struct.pack("<4H2LH", 0, 0, 1, 1, size, 0, 0)


def long_form(size: int) -> bytes:
    wide = b"PK\x06\x06" + struct.pack("<Q2H2L4Q", 44, 45, 45, 0, 0, 1, 1, size, 0)
    return wide + b"PK\x06\x07" + struct.pack("<LQL", 0, MOST_DIRECTORY, 1)


def test_an_archive_of_few_entries_passes(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("data.pkl", b"x" * 1000)
    check_directory(tmp_path / "a.zip")
    (tmp_path / "b").write_bytes(b"no archive")
    check_directory(tmp_path / "b")


@pytest.mark.parametrize(
    "record",
    [
        last(MOST_DIRECTORY + 1),
        # The long form counts though the short one says something small.
        long_form(MOST_DIRECTORY + 1) + last(100),
        # A mark in the last bytes hides no record before it.
        last(MOST_DIRECTORY + 1)[:-2] + struct.pack("<H", 6) + b"PK\x05\x06..",
    ],
)
def test_a_list_that_would_fill_the_memory_is_refused(tmp_path: Path, record: bytes) -> None:
    with pytest.raises(DataError, match=r"list of entries has 16 MB, expected at most 16 MB"):
        check_directory(padded(tmp_path / "x.ckpt", record))


def test_a_size_beyond_the_file_is_left_to_zipfile(tmp_path: Path) -> None:
    path = padded(tmp_path / "x.ckpt", last(2**32 - 1))
    check_directory(path)
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(path)
