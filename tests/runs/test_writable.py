"""Whether a folder can be written is known before anything is computed for it."""

import errno
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from segexp.errors import ConfigError
from segexp.runs.folder import RunFolder
from segexp.runs.writable import check_place


def a_file(folder: Path) -> Path:
    (folder / "file").write_text("x")
    return folder / "file"


def below_a_file(folder: Path) -> Path:
    return a_file(folder) / "a" / "b"


def a_broken_link(folder: Path) -> Path:
    (folder / "link").symlink_to("nowhere")
    return folder / "link" / "x"


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (a_file, "file is a file, expected a folder"),
        (below_a_file, "file is a file, expected a folder"),
        (a_broken_link, "link is a link to nowhere, which is not there"),
        (lambda folder: folder / ("é" * 150), "has 300 bytes, expected 255 at most"),
        (lambda folder: folder.joinpath(*["long" * 20] * 60), "expected 4000 at most"),
    ],
)
def test_places_where_no_folder_can_be(make: Callable[[Path], Path], words: str, tmp_path: Path) -> None:
    place = make(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(ConfigError) as caught:
        check_place(place, "output_dir")
    assert str(caught.value).startswith("output_dir: ")
    assert words in str(caught.value)
    assert str(caught.value).endswith("give another folder")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (errno.ENOSPC, "no space left on the disk"),
        (errno.EDQUOT, "the disk quota is used up"),
        (errno.EROFS, "a read-only file system"),
        (errno.EACCES, "no permission"),
        (errno.EIO, os.strerror(errno.EIO)),
    ],
)
def test_what_the_system_refuses(number: int, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(tempfile, "TemporaryFile", fails)
    with pytest.raises(ConfigError, match=f"^output_dir: nothing can be written into {tmp_path} .{words}.; give"):
        check_place(tmp_path / "new" / "place", "output_dir")
    monkeypatch.setattr(Path, "mkdir", fails)
    with pytest.raises(ConfigError, match=f"^output_dir: nothing can be written into {tmp_path}/run .{words}"):
        RunFolder.create(tmp_path / "run")


def test_room_for_what_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(10**9, 10**9 - 300_000, 300_000))
    with pytest.raises(ConfigError, match=r"^output_dir: 0\.3 MiB are free in .*, expected 4\.0 MiB or more"):
        check_place(tmp_path, "output_dir")
    check_place(tmp_path, "output_dir", need=200_000)
    with pytest.raises(ConfigError) as found:
        check_place(tmp_path, "output_dir", 200_000, 3_000_000, "a=true")
    assert str(found.value) == (
        f"output_dir: 0.3 MiB are free in {tmp_path}, expected 3.1 MiB or more for what is written there (checkpoints "
        "2.9 MiB, tables and pictures 0.2 MiB); make room, or give another folder, or start all the same with a=true"
    )
    with pytest.raises(ConfigError, match=r"make room, or give another folder$"):
        check_place(tmp_path, "output_dir", 400_000, 3_000_000, "a=true")


def test_a_good_place_is_left_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    (tmp_path / "link").symlink_to("there")
    for place in (Path("a/b"), Path("there"), Path("link/x"), tmp_path / "there/y", Path()):
        check_place(place, "output_dir")
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["link", "there"]
