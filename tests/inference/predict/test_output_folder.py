"""summary.csv of predict: what a spreadsheet would run is guarded, and read back as it was."""

from pathlib import Path

import pytest

from segexp.inference.predict.inputs import Input
from segexp.inference.predict.output_folder import SUMMARY, OutputFolder
from segexp.runs.folder import RunFolder
from segexp.runs.table_file import read_csv
from segexp.runs.text import printable

NAMES = ["=1+1.png", "+a.png", "-a.png", "@a.png", "'=a.png", "a,b.png", "two\nlines.png", "plain.png"]


def test_names_come_back(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for name in NAMES:
        folder.add_row(Input(name, Path(name)), state="done", seconds=-0.5)
    folder.close()
    lines = (tmp_path / SUMMARY).read_text(encoding="utf-8").splitlines()
    assert not any(line.startswith(("=", "+", "-", "@")) for line in lines)
    with (tmp_path / SUMMARY).open(newline="", encoding="utf-8") as stream:
        seconds = {row["file"]: row["seconds"] for row in read_csv(stream)}
    assert seconds == {printable(name): "-0.5" for name in NAMES}


def test_a_full_disk_costs_the_table_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_csv", full)
    folder = OutputFolder(tmp_path)
    folder.add_row(Input("a.png", Path("a")), state="done")
    folder.close()
    assert not (tmp_path / SUMMARY).exists()
