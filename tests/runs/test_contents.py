"""Reading a run folder back."""

from pathlib import Path

import pytest

from segexp.errors import DataError
from segexp.runs.contents import read_run


def test_what_is_not_there_is_empty(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text('{"state": "running"}')
    found = read_run(tmp_path)
    assert found.run == {"state": "running"}
    assert (found.results, found.config, found.images, found.log) == ({}, "", [], "")


def test_only_the_end_of_the_log_is_read(tmp_path: Path) -> None:
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "log.txt").write_bytes(b"\n".join(b"line %d \xff" % number for number in range(100)))
    lines = read_run(tmp_path).log.splitlines()
    assert len(lines) == 40
    assert lines[0].startswith("line 60 ")


@pytest.mark.parametrize(
    ("text", "message"), [("{", "no valid JSON"), ("[1]", "holds a list")], ids=["cut short", "a list"]
)
def test_bad_json_names_the_file(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "results.json").write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        read_run(tmp_path)
    assert str(tmp_path / "results.json") in str(caught.value)


def test_no_run_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no run folder"):
        read_run(tmp_path)
