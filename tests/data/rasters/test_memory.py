"""Mapped pages and open files stay within bounds, and what is read stays right."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from segexp.data.rasters import DEFAULT_MAP_LIMIT, close_files, open_raster, set_map_limit
from segexp.data.rasters.handles import HANDLES, MAX_OPEN, Handles

ROWS, BYTES_PER_ROW = 200, 100 * 3


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    close_files()
    yield
    set_map_limit(DEFAULT_MAP_LIMIT)
    close_files()


def arrays(folder: Path, count: int) -> list[Path]:
    paths = [folder / f"{number}.npy" for number in range(count)]
    for number, path in enumerate(paths):
        np.save(path, np.full((ROWS, 100, 3), number, np.uint8))
    return paths


def test_rows_count_once(tmp_path: Path) -> None:
    (path,) = arrays(tmp_path, 1)
    raster = open_raster(path)
    assert HANDLES.total == 0
    raster.window(10, 0, 20, 5)
    assert HANDLES.total == 20 * BYTES_PER_ROW
    raster.window(20, 50, 20, 50)
    assert HANDLES.total == 30 * BYTES_PER_ROW
    raster.read()
    assert HANDLES.total == ROWS * BYTES_PER_ROW
    close_files()
    assert (HANDLES.total, len(HANDLES)) == (0, 0)


def test_the_map_used_longest_ago_is_closed(tmp_path: Path) -> None:
    rasters = [open_raster(path) for path in arrays(tmp_path, 4)]
    set_map_limit(3 * ROWS * BYTES_PER_ROW)
    for raster in rasters[:3]:
        raster.read()
    rasters[0].read()
    assert len(HANDLES) == 3
    rasters[3].read()  # raster 1 has to go
    assert len(HANDLES) == 3
    assert HANDLES.total == 3 * ROWS * BYTES_PER_ROW
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
    set_map_limit(ROWS * BYTES_PER_ROW)
    assert len(HANDLES) == 1
    set_map_limit(None)
    for path in arrays(tmp_path, 3):
        open_raster(path).read()
    assert HANDLES.total == 3 * ROWS * BYTES_PER_ROW or len(HANDLES) == 4


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
