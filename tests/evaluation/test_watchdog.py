"""No progress is told once, with what is waited for and with stacks in the log; nothing is ended."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from segexp.evaluation.watchdog import Watchdog
from segexp.runs.console import start_console, start_log_file, stop_log_file
from tests.training.runs import go


@pytest.fixture
def log(tmp_path: Path) -> Iterator[Path]:
    start_console()
    handler = start_log_file(tmp_path / "log.txt")
    yield tmp_path / "log.txt"
    stop_log_file(handler)


def test_told_once_with_the_stacks_and_when_it_goes_on(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dog = Watchdog(0.2 / 60)
    dog.setup(None, None, "fit")
    with dog.during("the disk, to which last.ckpt is written", "checkpoint"):
        time.sleep(0.5)
    dog.teardown(None, None, "fit")
    text = log.read_text()
    assert text.count("waiting for the disk, to which last.ckpt is written. It may be a disk or network drive") == 1
    assert "(most recent call first):" in text
    assert "test_told_once_with_the_stacks" in text
    assert re.search(r"INFO it goes on, after [01] seconds without progress", text)
    assert dog._thread is None


def test_without_a_time_nothing_is_looked_at() -> None:
    dog = Watchdog(None)
    dog.setup(None, None, "fit")
    assert dog._thread is None
    assert dog.message() is None


def test_progress_is_not_told(log: Path) -> None:
    dog = Watchdog(0.3 / 60)
    dog.start()
    for number in range(8):
        dog.expect(f"step {number}", "step")
        time.sleep(0.05)
    dog.stop()
    assert log.read_text() == ""


def test_a_loading_process_that_does_not_get_on_is_named() -> None:
    done = go(
        "datamodule._target_=tests.training.parts.FailingImage", "trainer.max_epochs=1", "+datamodule.how=slow",
        "datamodule.loader.num_workers=1", "trainer.watchdog=0.008", "datamodule.val_images=2",
        "datamodule.test_images=1", "baselines=false",
    )  # fmt: skip
    text = (done.path / "log.txt").read_text()
    assert re.search(
        r"waiting for the .*images.*; longest at work, for \d seconds: the whole image, image val_00", text
    )
    assert done.record["state"] == "finished"
