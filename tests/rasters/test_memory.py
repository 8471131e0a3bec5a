"""Mapped pages and open files stay within bounds, and what is read stays right."""

import mmap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tifffile

from segexp.rasters import DEFAULT_MAP_LIMIT, close_files, open_raster, set_map_limit
from segexp.rasters.formats.mapped import BLOCK
from segexp.rasters.handles import HANDLES, MAX_OPEN, Handles

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


def in_memory() -> list[str]:
    """Names of the files whose pages are kept, the one used longest ago first."""
    return [Path(key[0]).stem for key in HANDLES._touched]  # type: ignore[index]


@pytest.mark.parametrize("gives_back", [True, False])
def test_pages_of_the_map_used_longest_ago_go(
    tmp_path: Path, gives_back: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not gives_back:  # as on systems where a map has to be closed for it
        monkeypatch.delattr(mmap, "MADV_DONTNEED")
    rasters = [open_raster(path) for path in arrays(tmp_path, 4)]
    set_map_limit(3 * SIZE)
    for raster in rasters[:3]:
        raster.read()
    rasters[0].read()
    assert in_memory() == ["1", "2", "0"]
    rasters[3].read()
    assert in_memory() == ["2", "0", "3"]
    assert len(HANDLES) == (4 if gives_back else 3)
    assert HANDLES.total == 3 * SIZE
    for number, raster in enumerate(rasters * 2):
        assert set(np.unique(raster.read())) == {number % 4}
        assert HANDLES.total == 3 * SIZE


def test_a_map_larger_than_the_limit_goes_too(tmp_path: Path) -> None:
    (path,) = arrays(tmp_path, 1)
    set_map_limit(1000)
    raster = open_raster(path)
    for _ in range(3):
        assert raster.read().max() == 0
        assert HANDLES.total == 0


def test_another_limit_holds_at_once(tmp_path: Path) -> None:
    paths = arrays(tmp_path, 3)
    for path in paths:
        open_raster(path).read()
    set_map_limit(SIZE)
    assert (in_memory(), HANDLES.total) == (["2"], SIZE)
    set_map_limit(None)
    for path in paths:
        open_raster(path).read()
    assert (in_memory(), HANDLES.total) == (["0", "1", "2"], 3 * SIZE)


def test_the_system_agrees(tmp_path: Path) -> None:
    if not Path("/proc/self/status").exists():
        pytest.skip("tells the memory of mapped files on Linux only")

    def mapped() -> int:
        text = Path("/proc/self/status").read_text()
        return int(text.split("RssFile:")[1].split()[0]) * 1024

    np.save(tmp_path / "a.npy", np.ones((24, 2**20), np.uint8))
    raster = open_raster(tmp_path / "a.npy")
    raster.window(0, 0, 1, 1)
    before = mapped()
    raster.window(0, 0, 24, 1)
    assert HANDLES.total == 24 * 2**20 + 128
    for _ in raster.strips(4):
        pass
    assert mapped() - before > 18 * 2**20
    set_map_limit(0)
    assert mapped() - before < 4 * 2**20
    assert raster.read().min() == 1
    assert mapped() - before < 4 * 2**20


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
