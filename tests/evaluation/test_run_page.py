from pathlib import Path

import pytest

from segexp.evaluation import run_page as page
from segexp.runs.console import start_console


def test_a_page_that_cannot_be_made_does_not_end_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(folder: Path) -> Path:
        raise KeyError(f"no such part in {folder.name}")

    monkeypatch.setattr(page, "write_report", broken)
    start_console()
    assert page.write_page(tmp_path / "my run") == "none, see above"
    said = "".join(capfd.readouterr())
    assert "the report could not be written: KeyError: 'no such part in my run'" in said
    assert f"python -m segexp report 'run={tmp_path}/my run'" in said


def test_where_the_page_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page, "write_report", lambda folder: folder / "report.html")
    assert page.write_page(tmp_path) == str(tmp_path / "report.html")
