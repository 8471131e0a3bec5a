"""Rasters travel: pickled small, in forked and spawned processes, and in threads."""

import multiprocessing
import os
import pickle
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from segexp.rasters import Raster, open_raster
from segexp.rasters.handles import HANDLES
from tests.rasters.files import ALL, pattern

ONE_OF_EACH = ["strips.tif", "lzw.tif", "colour.png", "deep_colour.png", "colour.npy", "grey.pgm"]


@pytest.mark.parametrize("name", ONE_OF_EACH)
def test_pickled_without_pixels(tmp_path: Path, name: str) -> None:
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)
    expected = raster.read()
    sent = pickle.dumps(raster)
    assert len(sent) < 2000 < expected.nbytes or name == "grey.pgm"
    copy: Raster = pickle.loads(sent)
    assert np.array_equal(copy.read(), expected)
    assert copy.describe() == raster.describe()


def _window(job: tuple[Raster, int]) -> tuple[int, int]:
    """Process that read, and the sum of a window."""
    raster, top = job
    return os.getpid(), int(raster.window(top, 3, 9, 20).sum())


@pytest.mark.parametrize("name", ["strips.tif", "lzw.tif", "tiles.tif", "colour.png"])
def test_forked_readers_do_not_disturb_each_other(tmp_path: Path, name: str) -> None:
    if "fork" not in multiprocessing.get_all_start_methods():
        pytest.skip("no fork on this system")
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)
    expected = [int(raster.window(top, 3, 9, 20).sum()) for top in range(20)]  # opens the file before the fork
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("fork")) as pool:
        found = list(pool.map(_window, [(raster, top) for top in range(20)] * 10))
    assert [total for _, total in found] == expected * 10
    assert os.getpid() not in {process for process, _ in found}


def test_a_child_starts_without_open_files(tmp_path: Path) -> None:
    if not hasattr(os, "fork"):
        pytest.skip("no fork on this system")
    ALL["strips.tif"](tmp_path / "a.tif")
    open_raster(tmp_path / "a.tif").read()
    assert len(HANDLES) > 0
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writer, bytes([min(len(HANDLES), 255)]))
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reader, 1) == b"\0"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("name", ["strips.tif", "tiles.tif", "deflate.tif"])
def test_threads_share_a_raster(tmp_path: Path, name: str) -> None:
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)
    whole = raster.read()

    def same(top: int) -> bool:
        return np.array_equal(raster.window(top, 5, 9, 30), whole[top : top + 9, 5:35])

    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(same, [top % 25 for top in range(400)]))


def test_the_pattern_is_no_constant() -> None:
    assert len(np.unique(pattern(3))) == 256
