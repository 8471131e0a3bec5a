"""Refusals of the machine are told as such: the file is whole, and nobody shall copy it again."""

import errno
import os
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import ImageFile

from segexp.errors import DataError, ResourceError, UserError
from segexp.rasters import open_raster
from segexp.rasters.formats import whole
from segexp.rasters.formats.arrays import MappedRaster
from segexp.rasters.tiff import gdal_raster
from tests.rasters.files import ALL

REFUSALS = {
    errno.EMFILE: "too many open files in this process; allow more",
    errno.ENFILE: "too many open files on this machine",
    errno.ENOMEM: "not enough memory",
    errno.EIO: r"the disk or network drive failed \(input/output error\)",
    errno.ESTALE: r"the network drive has lost the file \(stale file handle\)",
}


@pytest.mark.parametrize("number", REFUSALS)
@pytest.mark.parametrize("name", ["colour.png", "deflate.tif", "colour.npy", "indices.gif"])
def test_opening(tmp_path: Path, name: str, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    ALL[name](tmp_path / name)

    def refuse(self: Path, *_: object, **__: object) -> None:
        raise OSError(number, os.strerror(number), str(self))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(ResourceError, match=f"{name}: {REFUSALS[number]}") as caught:
        open_raster(tmp_path / name)
    assert "copy it again" not in str(caught.value)
    assert not isinstance(caught.value, UserError)


@pytest.mark.parametrize("name", ["colour.png", "deep_colour.png", "deflate.tif", "colour.npy", "colour.bmp"])
def test_no_memory_while_decoding(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    ALL[name](tmp_path / name)
    raster = open_raster(tmp_path / name)

    def refuse(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr(ImageFile.ImageFile, "load", refuse)
    monkeypatch.setattr(cv2, "imdecode", refuse)
    monkeypatch.setattr(gdal_raster.GdalRaster, "fill", refuse)
    monkeypatch.setattr(MappedRaster, "_map", refuse)
    with pytest.raises((ResourceError, MemoryError)) as caught:
        raster.read()
    if name != "colour.npy":  # there numpy itself fails, which the commands tell
        assert str(caught.value).startswith(f"{tmp_path / name}: not enough memory; ")


def test_words_of_other_libraries(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GDAL keeps nothing but the sentence of the system."""
    ALL["deflate.tif"](tmp_path / "a.tif")

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("a.tif: Too many open files")

    monkeypatch.setattr(gdal_raster.GdalRaster, "fill", refuse)
    with pytest.raises(ResourceError, match=r"a\.tif: too many open files in this process"):
        open_raster(tmp_path / "a.tif").read()


def pipe(path: Path) -> None:
    os.mkfifo(path)


def door(path: Path) -> None:
    place = Path.cwd()
    os.chdir(path.parent)  # names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(place)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def broken(path: Path) -> None:
    path.symlink_to("nowhere.png")


def loop(path: Path) -> None:
    path.symlink_to(path.name)


SPECIAL = {
    pipe: r"is a named pipe \(FIFO\), expected an image file",
    door: "is a socket, expected an image file",
    device: "is a device, expected an image file",
    broken: "is a link to nowhere.png, where no file is",
    loop: "is a link that leads back to itself",
    Path.mkdir: "is a folder, expected an image file",
}


@pytest.mark.parametrize("make", SPECIAL)
@pytest.mark.parametrize("name", ["a.png", "a.npy"])
def test_what_is_no_file_is_named_and_not_waited_for(tmp_path: Path, make: object, name: str) -> None:
    make(tmp_path / name)  # type: ignore[operator]
    for raw in (False, True):
        with pytest.raises(DataError, match=f"{name}: {SPECIAL[make]}"):  # type: ignore[index]
            open_raster(tmp_path / name, raw=raw)
    with pytest.raises(DataError, match=f"{name}: "), whole.open_pillow(tmp_path / name):
        pass


def test_a_link_to_a_file_is_a_file(tmp_path: Path) -> None:
    pixels = ALL["colour.png"](tmp_path / "a.png")
    (tmp_path / "b.png").symlink_to("a.png")
    assert np.array_equal(open_raster(tmp_path / "b.png").read(), pixels)
