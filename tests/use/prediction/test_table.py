"""summary.csv of predict: what a spreadsheet would run is guarded, and read back as it was."""

from pathlib import Path

import pytest

from segexp.run.folder import RunFolder
from segexp.use.prediction.outputs import SUMMARY, OutputFolder

NAMES = ["=1+1.png", "+a.png", "-a.png", "@a.png", "'=a.png", "a,b.png", "two\nlines.png", "plain.png"]


def test_names_come_back(tmp_path: Path) -> None:
    folder = OutputFolder(tmp_path)
    for name in NAMES:
        folder.note(name, state="done", seconds=-0.5)  # type: ignore[arg-type] # only its text counts
    folder.close()
    lines = (tmp_path / SUMMARY).read_text(encoding="utf-8").splitlines()
    assert not any(line.startswith(("=", "+", "-", "@")) for line in lines)
    again = OutputFolder(tmp_path)
    assert {name: again.earlier(name).get("seconds") for name in NAMES} == dict.fromkeys(NAMES, "-0.5")  # type: ignore[arg-type]


def test_a_full_disk_costs_the_table_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunFolder, "write_csv", full)
    folder = OutputFolder(tmp_path)
    folder.note("a.png", state="done")  # type: ignore[arg-type]
    folder.close()
    assert not (tmp_path / SUMMARY).exists()
