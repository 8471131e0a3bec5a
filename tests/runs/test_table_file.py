"""Tables that a spreadsheet opens: nothing in them is a formula, no number is changed, all is read back."""

import csv
import io
from pathlib import Path

import pytest

from segexp.runs.folder import RunFolder
from segexp.runs.table_file import format_csv, guard_formula, read_csv, unguard_formula

TEXTS = [
    "=1",  "+cmd|' /C calc'!A0", "-2+3", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1+1", "＠x", "'=1", "''=1", "-", "+x",
    "plain", "'quoted'", "", "a=b", "a,b", 'say "x"', "two\nlines", "car\rriage", "1-2", " =1", "naïve 图 é", "-e5",
]  # fmt: skip
NUMBERS = ["-0.5", "+3", "-1e-05", "-.5", "+2.", "0", "-1E+10"]


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_comes_back_as_it_was(text: str) -> None:
    assert unguard_formula(guard_formula(text)) == text
    stream = io.StringIO(format_csv([{"name": text, "x": -0.5, "= head": "v"}]), newline="")
    assert read_csv(stream) == [{"name": text, "x": "-0.5", "= head": "v"}]


@pytest.mark.parametrize("text", TEXTS)
def test_no_cell_that_a_spreadsheet_sees_is_a_formula(text: str) -> None:
    for line in csv.reader(io.StringIO(format_csv([{text or "head": text}]), newline="")):
        assert line[0][:1] not in tuple("=+-@\t\r\n＝＠")


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_are_left_alone(text: str) -> None:
    assert guard_formula(text) == text
    assert guard_formula(float(text)) == float(text)
    assert guard_formula(None) is None


def test_per_image_tables_keep_their_names(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_csv("t.csv", [{"image": "=1.png", "x": 1}], as_it_is=True)
    assert (tmp_path / "t.csv").read_text() == "image,x\n=1.png,1\n"
    RunFolder(tmp_path).write_csv("t.csv", [{"image": "=1.png", "x": 1}])
    assert (tmp_path / "t.csv").read_text() == "image,x\n'=1.png,1\n"


def test_names_that_are_no_utf8_can_be_written(tmp_path: Path) -> None:
    RunFolder(tmp_path).write_csv("t.csv", [{"image": "caf\udce9.png"}])
    RunFolder(tmp_path).write_yaml("t.yaml", {"root": "caf\udce9"})
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "image\ncaf\\xe9.png\n"


def test_a_long_cell_is_read(tmp_path: Path) -> None:
    stream = io.StringIO(format_csv([{"a": "x" * 200_000}]), newline="")
    assert len(read_csv(stream)[0]["a"]) == 200_000
