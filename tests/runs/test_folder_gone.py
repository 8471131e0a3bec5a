"""A run folder that vanishes while a run goes on is told; what can be written anew is, and nothing lies elsewhere."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from segexp.errors import FolderTakenError, RunFolderGoneError
from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file
from segexp.runs.folder import RunFolder
from segexp.runs.lock import LOCK, FolderLock
from segexp.training.callbacks.checkpoint_io import AtomicCheckpointIO


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[RunFolder]:
    start_console()
    made = RunFolder.create(tmp_path / "outputs")
    handler = start_log_file(made.path / "log.txt")
    made.write_yaml("config.yaml", {"seed": 1})
    made.write_json("split.json", {"train": ["a"]})
    made.watch()
    LOG.info("first line")
    yield made
    stop_log_file(handler)


def test_a_moved_folder_is_told_with_its_new_place(folder: RunFolder, tmp_path: Path) -> None:
    folder.path.rename(tmp_path / "elsewhere")
    with pytest.raises(RunFolderGoneError) as caught:
        folder.write_text("metrics.csv", "epoch\n")
    assert f"(it was moved to {tmp_path / 'elsewhere'}); nothing more is written" in str(caught.value)
    assert not folder.path.exists()
    assert folder.now() == tmp_path / "elsewhere"


def test_a_removed_folder_is_not_made_anew(folder: RunFolder) -> None:
    shutil.rmtree(folder.path)
    with pytest.raises(RunFolderGoneError, match="it was removed, or its drive is gone"):
        AtomicCheckpointIO(folder=folder).save_checkpoint({"epoch": 1}, folder.checkpoints / "last.ckpt")
    folder.path.mkdir()  # another one of its name, as below a drive that is gone
    with pytest.raises(RunFolderGoneError):
        folder.write_text("metrics.csv", "epoch\n")
    assert list(folder.path.iterdir()) == []
    assert folder.now() is None


def test_nothing_is_written_into_a_folder_that_another_process_has_taken(folder: RunFolder) -> None:
    lock = FolderLock(folder.path, says=str)
    folder.watch(lock)
    writer, last = AtomicCheckpointIO(folder=folder), folder.checkpoints / "last.ckpt"
    writer.save_checkpoint({"epoch": 1}, last)
    before = last.read_bytes()
    (folder.path / LOCK).write_text("4711 17 node7 2026-11-30T12:00:00+00:00\n")
    with pytest.raises(FolderTakenError, match="was taken over by process 4711 on node7") as caught:
        writer.save_checkpoint({"epoch": 2}, last)
    assert "\n" not in str(caught.value)
    with pytest.raises(FolderTakenError):
        folder.write_text("metrics.csv", "epoch\n")
    assert last.read_bytes() == before
    assert not (folder.path / "metrics.csv").exists()
    assert folder.now() is None
    lock.release(remove=True)
    assert (folder.path / LOCK).exists()


def test_single_files_that_vanish_are_written_anew_and_told(folder: RunFolder) -> None:
    before = (folder.path / "config.yaml").read_text()
    for name in ("config.yaml", "split.json", "log.txt"):
        (folder.path / name).unlink()
    folder.write_text("metrics.csv", "epoch\n")
    assert (folder.path / "config.yaml").read_text() == before
    assert (folder.path / "split.json").is_file()
    LOG.info("last line")
    log = (folder.path / "log.txt").read_text()
    assert "log.txt: was removed while the run goes on; the lines before this one are lost" in log
    assert "last line" in log
    assert "first line" not in log
