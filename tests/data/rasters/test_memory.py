"""Mapped pages and open files stay within bounds, and what is read stays right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segexp.data.rasters import DEFAULT_MAP_LIMIT, close_files, open_raster, set_map_limit
from segexp.data.rasters.handles import HANDLES, MAX_OPEN, Handles
from segexp.data.rasters.mapped import BLOCK

SIZE = 200 * 100 * 3 + 128
"""Bytes of one of the small files: less than a block, so they count as a whole."""


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    close_files()
    yield
    set_map_limit(DEFAULT_MAP_LIMIT)
    close_files()


def arrays(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.npy" for number in range(count)]
    for number, path in enumerate(paths):
        np.save(path, np.full((200, 100, 3), number, np.uint8))
    return paths


def test_blocks_count_once(tmp_path: Path) -> None:
    """Rows of 1 MiB: blocks of 2 MiB are two rows, shifted by the 128 bytes of the header."""
    np.save(tmp_path / "a.npy", np.zeros((7, 2**20), np.uint8))
    raster = open_raster(tmp_path / "a.npy")
    assert HANDLES.total == 0
    raster.window(2, 0, 1, 5)
    assert HANDLES.total == BLOCK
    raster.window(1, 50, 1, 50)  # its last 128 bytes lie in the block of row 2
    assert HANDLES.total == 2 * BLOCK
    raster.window(0, 0, 3, 2**20)
    assert HANDLES.total == 2 * BLOCK
    raster.window(6, 0, 1, 1)
    assert HANDLES.total == 2 * BLOCK + 2**20 + 128
    raster.read()
    assert HANDLES.total == 7 * 2**20 + 128
    close_files()
    assert (HANDLES.total, len(HANDLES)) == (0, 0)


def test_bands_apart_and_fortran_order_count_what_they_touch(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.zeros((2, 1024, 4096), np.uint8), planarconfig="separate")
    open_raster(tmp_path / "a.tif").window(0, 0, 1, 1)
    assert HANDLES.total == 2 * BLOCK
    close_files()
    np.save(tmp_path / "a.npy", np.zeros((1024, 4096), np.uint8, order="F"))
    open_raster(tmp_path / "a.npy").window(0, 0, 1, 1)
    assert HANDLES.total == 2**22 + 128


def test_the_map_used_longest_ago_is_closed(tmp_path: Path) -> None:
    rasters = [open_raster(path) for path in arrays(tmp_path, 4)]
    set_map_limit(3 * SIZE)
    for raster in rasters[:3]:
        raster.read()
    rasters[0].read()
    assert len(HANDLES) == 3
    rasters[3].read()  # raster 1 has to go
    assert len(HANDLES) == 3
    assert HANDLES.total == 3 * SIZE
    assert [key[0] for key in HANDLES._open] == [str(rasters[number].path) for number in (2, 0, 3)]
    for number, raster in enumerate(rasters):
        assert set(np.unique(raster.read())) == {number}


def test_a_map_larger_than_the_limit_goes_too(tmp_path: Path) -> None:
    (path,) = arrays(tmp_path, 1)
    set_map_limit(1000)
    raster = open_raster(path)
    for _ in range(3):
        assert raster.read().max() == 0
        assert (HANDLES.total, len(HANDLES)) == (0, 0)


def test_a_lower_limit_holds_at_once(tmp_path: Path) -> None:
    for path in arrays(tmp_path, 3):
        open_raster(path).read()
    assert len(HANDLES) == 3
    set_map_limit(SIZE)
    assert len(HANDLES) == 1
    set_map_limit(None)
    for path in arrays(tmp_path, 3):
        open_raster(path).read()
    assert HANDLES.total == 3 * SIZE or len(HANDLES) == 4


def test_few_files_are_open_at_a_time() -> None:
    handles = Handles()
    made: list[int] = []

    def make(number: int) -> str:
        made.append(number)
        return f"handle {number}"

    for number in range(MAX_OPEN + 10):
        assert handles.get(number, lambda number=number: make(number)) == f"handle {number}"
    assert len(handles) == MAX_OPEN
    handles.get(MAX_OPEN + 5, lambda: make(-1))
    handles.get(0, lambda: make(0))
    assert made == [*range(MAX_OPEN + 10), 0]
