"""IDX files: read to the last number, packed or not; what does not fit its header is refused before it is unpacked."""

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from segexp.errors import DataError, TooLargeError
from segexp.rasters.formats.idx import read_idx, write_idx

NUMBERS = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
HEADER = bytes.fromhex("00000803 00000002 00000003 00000004")


@pytest.mark.parametrize("name", ["images", "images.gz"])
def test_numbers_come_back(name: str, tmp_path: Path) -> None:
    write_idx(tmp_path / name, NUMBERS)
    found = read_idx(tmp_path / name)
    assert found.dtype == np.uint8
    assert np.array_equal(found, NUMBERS)
    found[0, 0, 0] = 9  # its own memory
    plain = (tmp_path / name).read_bytes()
    assert (gzip.decompress(plain) if name.endswith("gz") else plain) == HEADER + NUMBERS.tobytes()


def test_labels_have_one_axis_and_the_name_says_nothing_of_the_packing(tmp_path: Path) -> None:
    (tmp_path / "labels.txt").write_bytes(gzip.compress(bytes.fromhex("00000801 00000003 070205")))
    assert read_idx(tmp_path / "labels.txt").tolist() == [7, 2, 5]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "found a beginning of nothing"),
        (b"\x89PNG\r\n", "found a beginning of 89 50 4e 47"),
        (bytes.fromhex("00000d01 00000001 00000000"), r"numbers of type 0x0d .*expected unsigned bytes"),
        (bytes.fromhex("00000803 00000002 0000"), "ends within its header"),
        (HEADER + NUMBERS.tobytes()[:-1], "its header says 24 numbers, it holds 23"),
        (HEADER + NUMBERS.tobytes() + b"\0", "its header says 24 numbers, it holds more"),
        (bytes.fromhex("00000809") + bytes(36), "expected an IDX file"),
        (gzip.compress(HEADER + NUMBERS.tobytes())[:-12], "cannot be read as an image"),
        (b"\x1f\x8bno gzip", "cannot be read as an image"),
    ],
)
@pytest.mark.parametrize("packed", [False, True])
def test_what_is_no_such_file_is_named(content: bytes, words: str, packed: bool, tmp_path: Path) -> None:
    if packed and not content.startswith(b"\x1f\x8b"):
        content = gzip.compress(content)
    (tmp_path / "images").write_bytes(content)
    with pytest.raises(DataError, match=rf"images: .*{words}"):
        read_idx(tmp_path / "images")


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path, words in ((tmp_path / "nothing", "no such file"), (tmp_path, "is a folder")):
        with pytest.raises(DataError, match=words):
            read_idx(path)


def test_a_header_that_asks_for_all_memory_is_refused_unread(tmp_path: Path) -> None:
    (tmp_path / "images").write_bytes(bytes.fromhex("00000803 ffffffff ffffffff 00000004"))
    with pytest.raises(TooLargeError, match="image_limit"):
        read_idx(tmp_path / "images")


def test_no_more_is_unpacked_than_the_header_says(tmp_path: Path) -> None:
    (tmp_path / "images.gz").write_bytes(gzip.compress(HEADER + bytes(100_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DataError, match="it holds more"):
            read_idx(tmp_path / "images.gz")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()
