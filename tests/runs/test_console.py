"""Our lines: once on the terminal, once in log.txt, whatever others do to logging."""

import logging
import warnings
from pathlib import Path

import pytest

from segexp.runs.console import LOG, start_console, start_log_file, stop_log_file


def test_lines_come_once(capsys: pytest.CaptureFixture[str]) -> None:
    root = logging.StreamHandler()
    logging.getLogger().addHandler(root)
    try:
        start_console()
        start_console()
        LOG.info("a line")
        LOG.warning("take care")
    finally:
        logging.getLogger().removeHandler(root)
    captured = capsys.readouterr()
    assert captured.out == "a line\nwarning: take care\n"
    assert captured.err == ""


def test_log_file_holds_our_lines_and_warnings_until_it_is_stopped(tmp_path: Path) -> None:
    start_console()
    first = start_log_file(tmp_path / "1.txt")
    LOG.info("of the first")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(False)
        logging.captureWarnings(True)
        warnings.warn("look here", stacklevel=1)
    stop_log_file(first)
    second = start_log_file(tmp_path / "2.txt")
    LOG.info("of the second")
    stop_log_file(second)
    LOG.info("of none")
    one, two = ((tmp_path / name).read_text() for name in ("1.txt", "2.txt"))
    assert one.count("INFO of the first") == 1
    assert "look here" in one
    assert "second" not in one
    assert [line.split(" ", 2)[2] for line in two.splitlines()] == ["INFO of the second"]
